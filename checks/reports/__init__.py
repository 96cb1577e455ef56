"""How findings are written: for people, scripts, code scanning, pull requests and test viewers."""
