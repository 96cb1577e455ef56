"""Schema revisions: one folder per service, one environment for all."""
