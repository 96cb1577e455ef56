import datetime

# autional: ignore[RUN07, RUN01] reason="either is enough" until=2027-01-31
NOW = datetime.datetime.now()
