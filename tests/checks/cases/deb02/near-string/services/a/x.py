TEXT = "autional: ignore[RUN07]"
