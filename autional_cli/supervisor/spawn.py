"""`python -m autional_cli.supervisor.spawn module:function`: a child without fork, where fork is not safe.

The supervisor has made the session, the descriptors and the environment; the rest is the same as in a forked child.
"""

from __future__ import annotations

import sys

from autional_cli.supervisor import child


def main() -> None:
    """Run the entry named on the command line."""
    if len(sys.argv) != 2 or ":" not in sys.argv[1]:
        sys.exit("usage: python -m autional_cli.supervisor.spawn module:function")
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    child.run(sys.argv[1])


if __name__ == "__main__":
    main()
