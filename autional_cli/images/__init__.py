"""The image of the services: built by an engine, measured, described."""
