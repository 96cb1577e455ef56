"""Loopback ports: which are taken, and by whom."""

from __future__ import annotations

import errno
import os
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autional_cli.errors import AutionalError, ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterable

LOOPBACK = "127.0.0.1"
COMMAND_LENGTH = 60


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that listens on a port; fields are None where the system hides it (another user's process)."""

    port: int
    pid: int | None = None
    name: str | None = None
    command: str | None = None
    uid: int | None = None

    @property
    def is_ours(self) -> bool:
        """Whether it belongs to this user, who can stop it."""
        return self.uid == os.getuid()

    def __str__(self) -> str:
        if self.pid is None:
            return "a process of another user"
        return f"{self.name or 'a process'} (pid {self.pid}{f': {self.command}' if self.command else ''})"


def is_free(port: int) -> bool:
    """Whether a server could listen on `port` of the loopback interface now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # Without it a connection that a former server left in TIME_WAIT would count as taken; servers set it as well.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as failure:
            if failure.errno in (errno.EADDRINUSE, errno.EACCES):
                return False
            raise
    return True


def holder(port: int) -> Holder | None:
    """Return who listens on `port`, or None when nobody does."""
    if is_free(port):
        return None
    import psutil

    pid = listening_pid(port)
    if pid is None:
        return Holder(port)
    try:
        process = psutil.Process(pid)
        command = " ".join(process.cmdline())
        name, uid = process.name(), process.uids().real
    except psutil.Error:
        return Holder(port, pid)
    shown = command if len(command) <= COMMAND_LENGTH else command[: COMMAND_LENGTH - 1] + "…"
    return Holder(port, pid, name, shown, uid)


def listening_pid(port: int) -> int | None:
    """Return the pid that listens on `port`, as far as the system lets this user see it."""
    import psutil

    try:
        return next((c.pid for c in psutil.net_connections("tcp") if holds(c, port)), None)
    except psutil.AccessDenied:  # macOS shows the whole table to root only; our own processes are visible one by one
        pass
    for process in psutil.process_iter():
        try:
            if any(holds(connection, port) for connection in process.net_connections("tcp")):
                return int(process.pid)
        except psutil.Error:
            continue
    return None


def holds(connection: object, port: int) -> bool:
    """Whether a psutil connection listens on `port`."""
    address = getattr(connection, "laddr", None)
    return getattr(connection, "status", "") == "LISTEN" and bool(address) and getattr(address, "port", None) == port


def taken(ports: Iterable[int]) -> Holder | None:
    """Return who holds the first of `ports` that is not free."""
    return next((found for port in ports if (found := holder(port))), None)


def refuse_taken(ports: Iterable[int], *, wanted_by: str) -> None:
    """Raise AutionalError (exit 4) naming the process that holds one of `ports`."""
    for port in ports:
        found = holder(port)
        if found is None:
            continue
        stop = f"stop it (kill {found.pid})" if found.pid else "stop it"
        raise AutionalError(
            f"port {port} is needed by {wanted_by} but is held by {found}",
            hint=f"{stop}, or start another instance: autional up --instance NAME",
            exit_code=ExitCode.BACKEND_UNAVAILABLE,
        )
