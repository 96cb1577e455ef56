"""Services made for the tests; `probe_process.py` puts them beside the real ones."""
