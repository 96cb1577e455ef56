"""`python -m services.chassis NAME` runs one service alone, under any supervisor."""

from __future__ import annotations

import sys

from services.chassis.runner import run

if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.stderr.write("usage: python -m services.chassis NAME\n")
        sys.exit(2)
    sys.exit(run(sys.argv[1]))
