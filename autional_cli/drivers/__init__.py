"""Drivers: where the backing resources come from."""
