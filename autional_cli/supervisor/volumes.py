"""`down --volumes`: the data of an instance that does not run."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from autional_cli.supervisor import leftovers
from autional_cli.supervisor.process import start_time

if TYPE_CHECKING:
    from pathlib import Path

    from autional_cli.instance import Instance

LOCK = "supervisor.lock"


def acquire(home: Path) -> int | None:
    """Take the lock that makes this process the instance's only supervisor; None when another has it.

    It is held until the descriptor is closed, at the latest by the end of the process.
    """
    descriptor = os.open(home / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    with suppress(OSError):  # on a full disk nobody learns who has it
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor


def holder(home: Path) -> int | None:
    """Return the process that took the lock last; None when nobody did, or it has ended."""
    try:
        pid = int((home / LOCK).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    return pid if start_time(pid) else None


def is_held(home: Path) -> bool:
    """Whether a living process holds the lock."""
    if holder(home) is None:
        return False
    try:
        descriptor = os.open(home / LOCK, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def remove_data(instance: Instance) -> None:
    """Delete what belongs to no single resource: traces, and the note of the migrations. Logs, secrets, keys stay.

    The caller holds the instance's lock and has removed the resources' own data.
    """
    leftovers.remove(instance)
    for leftover in (*instance.home.glob("traces.db*"), *instance.data_dir.glob(".migrated*")):
        leftover.unlink(missing_ok=True)
