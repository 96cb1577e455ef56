"""`down --volumes`: the data of an instance that does not run."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

from autional_cli.supervisor import leftovers

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
    return descriptor


def remove_data(instance: Instance) -> None:
    """Delete what belongs to no single resource: traces, and the note of the migrations. Logs, secrets, keys stay.

    The caller holds the instance's lock and has removed the resources' own data.
    """
    leftovers.remove(instance)
    for leftover in (*instance.home.glob("traces.db*"), *instance.data_dir.glob(".migrated*")):
        leftover.unlink(missing_ok=True)
