"""The systemd notify protocol (sd_notify(3)): datagrams of `KEY=value` lines on a unix socket.

`notify` is what a process calls; `Inbox` is what the supervisor reads: one socket per child, no polling.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from autional_cli.supervisor.presence import identity, make_way

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

LARGEST = 65536  # bytes; a longer datagram is cut by the kernel
ROOM_S = 2.0


def notify(**fields: str | int) -> bool:
    """Tell whoever started this process: `notify(READY=1, STATUS="listening")`.

    Return False when nobody listens: without NOTIFY_SOCKET, or after the listener has gone.
    """
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return False
    if address.startswith("@"):  # Linux's abstract namespace
        address = "\0" + address[1:]
    message = "\n".join(f"{key}={str(value).replace(chr(10), ' ')}" for key, value in fields.items())
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
        try:
            out.settimeout(ROOM_S)  # for a supervisor whose queue is full; one that never reads must not hold us up
            out.connect(address)
            out.send(message.encode()[:LARGEST])
        except OSError:
            return False
    return True


def parse(datagram: bytes) -> dict[str, str]:
    """Return the fields of one datagram; what is not `KEY=value` is ignored, as systemd does."""
    lines = datagram.decode("utf-8", errors="replace").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def drain_said(fields: Mapping[str, str]) -> dict[str, Any] | None:
    """Return what a process says of its drain; `final` tells whether it came to the end of it."""
    for key, final in (("X_AUTIONAL_DRAIN", True), ("X_AUTIONAL_PROGRESS", False)):
        if key in fields:
            return {**json.loads(fields[key]), "final": final}
    return None


class Inbox:
    """A notify socket of one child. Use it inside a running event loop; `close` removes its socket file."""

    def __init__(self, path: Path, receive: Callable[[Mapping[str, str]], None]) -> None:
        self.path = path
        self._receive = receive
        self._loop = asyncio.get_running_loop()
        self._bind()

    def _bind(self) -> None:
        make_way(self.path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(str(self.path))
        self.path.chmod(0o600)
        self._bound = identity(self.path)
        self._loop.add_reader(self._socket, self.read)

    def restore(self) -> None:
        """Listen at the path again if the socket there was removed or replaced."""
        if self._socket.fileno() >= 0 and identity(self.path) != self._bound:
            self.read()
            self._loop.remove_reader(self._socket)
            self._socket.close()
            self._bind()

    def read(self) -> None:
        """Take what has come; done by itself when something comes."""
        with suppress(BlockingIOError):
            while True:
                self._receive(parse(self._socket.recv(LARGEST)))

    def close(self) -> None:
        """Stop listening. Harmless when done twice."""
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket)
            self._socket.close()
            with suppress(FileNotFoundError):
                if identity(self.path) == self._bound:
                    self.path.unlink()
