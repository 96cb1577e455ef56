# TODO: later expect: DEB01
A = 1  # FIXME(P1, ada, 2026-13-40): no such day expect: DEB01
# TODO(P0, ada, 2026-11-01): blocks expect: DEB01
