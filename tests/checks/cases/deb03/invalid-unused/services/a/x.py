import datetime

NOW = datetime.datetime.now(datetime.UTC)  # autional: ignore[RUN07] reason="x" until=2027-01-31 expect: DEB03
A = 1  # autional: ignore[RUN99] reason="no such rule" until=2027-01-31 expect: DEB03
