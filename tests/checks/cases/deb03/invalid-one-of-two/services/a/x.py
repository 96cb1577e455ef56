import datetime

# autional: ignore[RUN07, RUN03] reason="only one of them finds something here" until=2027-01-31 expect: DEB03
NOW = datetime.datetime.now()
