"""Parity: the same behaviour on two ways to run the platform, shown side by side."""
