"""The driver that runs backing resources as containers of a local Docker engine (docs/adr/0017)."""
