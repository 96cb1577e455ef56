SELECT 1; -- FIXME one more, expect: DEB01
/* todo: two, expect: DEB01 */
