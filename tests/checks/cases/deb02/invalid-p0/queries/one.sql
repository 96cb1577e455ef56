SELECT 1; -- autional: ignore[SEC03] reason="x" until=2027-01-01 expect: DEB02
