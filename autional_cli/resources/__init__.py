"""Backing resources: how each is prepared, run, probed and provisioned."""
