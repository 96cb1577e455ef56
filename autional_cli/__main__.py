"""`autional` and `python -m autional_cli`."""

from __future__ import annotations

import sys

from autional_cli.main import main

if __name__ == "__main__":
    sys.exit(main())
