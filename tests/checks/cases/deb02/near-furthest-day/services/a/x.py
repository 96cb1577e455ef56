A = 1  # autional: ignore[RUN07, RUN03] reason="180 days" until=2027-05-21
