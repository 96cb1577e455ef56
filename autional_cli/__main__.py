"""`autional` and `python -m autional_cli`."""

from __future__ import annotations

import atexit
import os
import sys
from contextlib import suppress

from autional_cli.main import main as run


def main() -> int:
    """Run the command line and leave without tearing the interpreter down, a tenth of a quick command's time."""
    status = run()
    with suppress(Exception):
        atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(status)


if __name__ == "__main__":
    sys.exit(main())
