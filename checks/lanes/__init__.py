"""The lanes that need more than files. Each runs in a process of its own, beside the walk, and hands back JSON."""
