import datetime

NOW = datetime.datetime.now()  # autional: ignore[RUN07] reason="a clock of the test" until=2027-01-31
