A = 1  # autional: ignore[RUN04] reason="RUN04 is not in this run" until=2027-01-31
