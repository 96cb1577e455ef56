"""A service with a bit of everything."""
