"""The engine lane: stand-in images for official ones, and what starts an engine where none runs."""
