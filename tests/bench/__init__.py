"""Measurements: run by `make bench`, never by the test suite. Each prints its figures and returns them as JSON."""
