"""Who uses a platform: each process of a test session holds a shared lock on one file for as long as it does.

The kernel lets go of a lock when its holder ends, however it ends, so there is no count that could be wrong. Whoever
leaves and then gets the lock for itself alone was the last, and takes the platform down. When all were killed, the
warden gets it (`warden.py`).
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from autional_cli.errors import AutionalError, ExitCode
from autional_cli.pytest_plugin import warden

if TYPE_CHECKING:
    from collections.abc import Iterator

USERS = warden.USERS
START = "pytest-start.lock"
LOOK_AGAIN_S = 0.05


class Lease:
    """This process's share in the platform whose state is in `home`."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._descriptor = -1

    def take(self, timeout_s: float) -> None:
        """Join the users; waits while a platform of the same name is being taken down. AutionalError (exit 5)."""
        self._descriptor = lock(self.home / USERS, fcntl.LOCK_SH, timeout_s, "an earlier test run to stop its platform")

    def leave(self) -> bool:
        """Stop using it; return whether nobody else does, and then nobody can begin to before `close`."""
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.close()
            return False
        return True

    def close(self) -> None:
        """Let go of the lock."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    @contextmanager
    def starting(self, timeout_s: float) -> Iterator[None]:
        """Be the only process that starts the platform."""
        descriptor = lock(self.home / START, fcntl.LOCK_EX, timeout_s, "another worker to start the platform")
        try:
            yield
        finally:
            os.close(descriptor)


def lock(path: Path, kind: int, timeout_s: float, what: str) -> int:
    """Return a descriptor that holds the lock of `path`; AutionalError (exit 5) names `what` was waited for."""
    deadline = time.monotonic() + timeout_s
    while True:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileNotFoundError):  # its folder is being removed
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            with suppress(BlockingIOError):
                fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
                if warden.is_current(path, descriptor):
                    return descriptor
            os.close(descriptor)
        if time.monotonic() > deadline:
            raise AutionalError(
                f"waited {timeout_s:.0f} s for {what} ({path})", hint="autional ps", exit_code=ExitCode.WAIT_TIMED_OUT
            )
        time.sleep(LOOK_AGAIN_S)


def post_warden(root: Path, instance: str) -> None:
    """Start the process that takes the platform down when every user of it is gone. It outlives us on purpose."""
    home = root / ".autional" / instance
    with (home / "warden.out").open("ab") as log:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and file
            [sys.executable, "-S", "-E", "-s", warden.__file__, sys.executable, str(root), instance],
            cwd=root,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    process.returncode = 0  # it lives on by design: no warning about a child that was not waited for


def take_down(root: Path, instance: str) -> None:
    """Stop a platform and remove its data; AutionalError with what `autional down` said if it could not."""
    done = warden.take_down(sys.executable, root, instance)
    if done.returncode != 0:
        raise AutionalError(
            f"the platform of the tests could not be stopped: {done.stderr.strip()}",
            hint=f"autional down --volumes --instance {instance}",
            exit_code=ExitCode.BACKEND_UNAVAILABLE,
        )


def sweep(root: Path) -> list[str]:
    """Take down what earlier runs left without a user, after a power cut for instance; return their instances."""
    swept = []
    for unfinished in (root / ".autional").glob(f"{warden.GONE}*"):
        shutil.rmtree(unfinished, ignore_errors=True)
    for path in sorted((root / ".autional").glob(f"test-*/{USERS}")):
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            continue
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if warden.is_current(path, descriptor) and not warden.is_kept(path.parent):
                take_down(root, path.parent.name)
                swept.append(path.parent.name)
        os.close(descriptor)
    return swept
