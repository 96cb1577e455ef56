"""`python warden.py INTERPRETER ROOT INSTANCE`: takes a test platform down when nobody is left who uses it.

It sleeps in the kernel, on the lock that all users share, so it costs nothing until then. Standard library only, a
session of its own, run by its path: pytest and its plugins are not loaded for it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

USERS = "pytest.lock"
KEPT = "pytest.kept"
GONE = ".gone-"
DOWN_S = 120.0


def main() -> int:
    """Wait for the lock, then clear away what is still there."""
    interpreter, root, instance = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    path = root / ".autional" / instance / USERS
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return 0
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    if not is_current(path, descriptor) or is_kept(path.parent):
        return 0
    done = take_down(interpreter, root, instance)
    sys.stderr.write(done.stderr)
    return done.returncode


def take_down(interpreter: str, root: Path, instance: str) -> subprocess.CompletedProcess[str]:
    """Stop the platform and remove its data and its folder. The caller holds the users' lock for itself alone."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("AUTIONAL_", "PYTEST_", "COV_"))}
    done = subprocess.run(  # noqa: S603 - our own command line
        [interpreter, "-m", "autional_cli", "down", "--volumes", "--instance", instance],
        cwd=root,
        env=kept,
        capture_output=True,
        text=True,
        timeout=DOWN_S,
        check=False,
    )
    if done.returncode == 0:
        home = root / ".autional" / instance
        gone = home.with_name(f"{GONE}{instance}-{os.getpid()}")  # whoever comes now makes a folder of its own
        with suppress(FileNotFoundError):
            home.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)
    return done


def is_current(path: Path, descriptor: int) -> bool:
    """Whether the file at `path` is still the one that is open: its folder may have been removed meanwhile."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def is_kept(home: Path) -> bool:
    """Whether somebody asked to leave this platform running."""
    return (home / KEPT).exists()


if __name__ == "__main__":
    sys.exit(main())
