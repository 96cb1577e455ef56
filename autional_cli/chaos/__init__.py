"""Drills: what can be made to go wrong on purpose, and the report of what the platform did about it."""
