A = 1  # autional: ignore[RUN07] reason="until today" until=2026-11-22
