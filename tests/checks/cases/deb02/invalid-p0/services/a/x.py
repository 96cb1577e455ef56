A = 1  # autional: ignore[ARC01] reason="x" until=2027-01-01 expect: DEB02
B = 2  # autional: ignore[RUN03, arc01] reason="x" until=2027-01-01 expect: DEB02
# autional: ignore[SEC01] reason="x" until=2027-01-01 expect: DEB02
C = 3
D = 4  # autional: ignore[RUN07] reason="x" until=2027-05-22 expect: DEB02
E = 5  # autional: ignore[RUN07] reason="x" until=2999-01-01 expect: DEB02
