# autional: ignore[RUN07] reason="soon" until=2026-11-21 expect: DEB02
A = 1
B = 2  # autional: ignore[RUN07] until=2027-01-01 expect: DEB02
C = 3  # autional: ignore[RUN07] reason="x" expect: DEB02
D = 4  # autional: ignore[] reason="x" until=2027-01-01 expect: DEB02
E = 5  # autional: ignore me expect: DEB02
