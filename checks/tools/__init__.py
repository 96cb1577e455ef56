"""Tools that do the work of some rules. Each is started at once, and its exit codes are brought to one meaning."""
