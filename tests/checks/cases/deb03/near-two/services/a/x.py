import datetime

try:
    A = 1
# autional: ignore[RUN07, run03] reason="both find something here" until=2027-01-31
except Exception: NOW = datetime.datetime.now()
