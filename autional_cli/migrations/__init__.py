"""Schema migrations of all services, in one interpreter."""
