"""The rules, one a file; `checks/registry.py` finds them."""
