"""The supervisor's side of the guardian: tells it of every process, and makes a new one when it is gone."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import autional_cli
from autional_cli.errors import AutionalError, ExitCode
from autional_cli.supervisor.presence import identity

if TYPE_CHECKING:
    from autional_cli.supervisor.launch import Handle
    from autional_cli.supervisor.upkeep import Upkeep

PACKAGE_ROOT = Path(autional_cli.__file__).parent.parent
LET_GO_S = 5.0
CLEAR_S = 40.0  # the longest a guardian of a killed supervisor takes, with room to spare


class Guard:
    """One guardian at any time, told of every live process and socket."""

    def __init__(self, *, lock: Path, log: Path, upkeep: Upkeep) -> None:
        self._upkeep = upkeep
        self._lock = lock
        self._log = log
        self._wards: dict[int, str] = {}
        self._sockets: list[Path] = []
        self._frozen: dict[int, str] = {}
        self._aftermaths: dict[str, str] = {}
        self._process: asyncio.subprocess.Process | None = None
        self._locked: tuple[int, int] | None = None
        self._keeper: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The process id of the present guardian."""
        return self._process.pid if self._process else None

    async def start(self) -> None:
        """Wait for the guardian of a killed predecessor to finish, then start ours."""
        await self._ground_clear()
        await self._spawn()
        self._keeper = self._upkeep.keep("the guardian", self._keep)

    async def _ground_clear(self) -> None:
        descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            async with asyncio.timeout(CLEAR_S):
                while not _try_lock(descriptor):  # noqa: ASYNC110 - a lock of another process sends no event
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AutionalError(
                f"waited {CLEAR_S:.0f} s for the processes of a killed supervisor to be stopped ({self._lock} is held)",
                hint="`autional doctor` lists what holds the ports; stop it and run the command again",
                exit_code=ExitCode.BACKEND_UNAVAILABLE,
            ) from None
        finally:
            os.close(descriptor)

    async def _spawn(self) -> None:
        with await asyncio.to_thread(self._log.open, "ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-S", "-E", "-s", "-m", "autional_cli.supervisor.guardian", str(self._lock)),
                cwd=PACKAGE_ROOT,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._locked = await asyncio.to_thread(_locked_by_now, self._lock)
        for path in self._sockets:
            self._tell(f"socket {path}")
        for line in (*self._wards.values(), *self._frozen.values(), *self._aftermaths.values()):
            self._tell(line)

    async def _keep(self) -> None:
        while self._process:
            await self._process.wait()
            await self._spawn()

    async def restore(self) -> None:
        """Have a guardian with a lock that others see, if the file of its lock was removed or replaced."""
        process = self._process
        if process and process.stdin and process.returncode is None and identity(self._lock) != self._locked:
            process.stdin.write(b"bye\n")
            process.stdin.close()
            with suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), LET_GO_S)  # `_keep` makes the next one

    def _tell(self, line: str) -> None:
        if self._process and self._process.stdin and not self._process.stdin.is_closing():
            self._process.stdin.write(f"{line}\n".encode())

    def add(self, handle: Handle) -> None:
        """Guard a process until it is gone."""
        spec = handle.spec
        if not handle.started:
            return
        numbers = f"{handle.pid} {handle.started} {int(spec.stop_signal)} {int(spec.kill_signal)} {spec.wake_port or 0}"
        self._wards[handle.pid] = line = f"add {numbers} {spec.name}"
        self._tell(line)
        if spec.aftermath:  # kept until `bye`: what it stands for may outlive the process
            self._aftermaths[spec.name] = after = f"after {spec.name} {json.dumps([str(spec.cwd), *spec.aftermath])}"
            self._tell(after)
        handle.exited.add_done_callback(lambda _: self._discard(handle.pid))

    def _discard(self, pid: int) -> None:
        if self._wards.pop(pid, None):
            self._tell(f"del {pid}")

    def add_socket(self, path: Path) -> None:
        """Have a socket file removed if the supervisor is killed."""
        self._sockets.append(path)
        self._tell(f"socket {path}")

    def freeze(self, pid: int, started: str) -> None:
        """Have a stopped process go on if the supervisor is killed; told before it is stopped."""
        self._frozen[pid] = line = f"freeze {pid} {started}"
        self._tell(line)

    def thaw(self, pid: int) -> None:
        """Forget a process that goes on."""
        if self._frozen.pop(pid, None):
            self._tell(f"thaw {pid}")

    async def close(self) -> None:
        """Let the guardian go: everything was stopped in order."""
        if self._keeper:
            self._upkeep.end(self._keeper)
            with suppress(asyncio.CancelledError):
                await self._keeper
        process, self._process = self._process, None
        if process and process.stdin:
            with suppress(ConnectionError):
                process.stdin.write(b"bye\n")
                await process.stdin.drain()
            process.stdin.close()
            try:
                await asyncio.wait_for(process.wait(), 5.0)
            except TimeoutError:
                process.kill()


def _locked_by_now(lock: Path) -> tuple[int, int] | None:
    """Return which file the guardian locks, once it has made it."""
    deadline = time.monotonic() + LET_GO_S
    while identity(lock) is None and time.monotonic() < deadline:
        time.sleep(0.01)
    return identity(lock)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
