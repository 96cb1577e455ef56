"""The process that stands for one container: starts it, passes its output on, ends when it ends, ends it when asked.

`python -m autional_cli.drivers.docker.keeper ENGINE CONTAINER STOP_SECONDS`, or with `--stop` first: only stop it.
SIGTERM and the end of the parent (the supervisor) stop the container. Standard library only: there is one of these per
container.
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
import sys
import threading
from contextlib import suppress
from typing import Any

from autional_cli.drivers.docker.engine import ANSWER_S, Engine, EngineError

FRAME = 8  # bytes before each piece of output (Docker Engine API, "Stream format")
CHUNK = 1 << 16
PARENT_S = 1.0  # how often to look for the parent where the kernel does not tell
SIGNALLED = 128


class Keeper:
    """Keeps one container."""

    def __init__(self, engine: Engine, container: str, stop_s: float) -> None:
        self.engine = engine
        self.container = container
        self.stop_s = stop_s
        self._parent = os.getppid()
        self._woken, self._wake = socket.socketpair()
        self._stopper: threading.Thread | None = None
        self._pending = b""

    def run(self) -> int:
        """Return the exit status once the container has ended."""
        self._woken.setblocking(False)
        self._wake.setblocking(False)
        signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)
        while True:
            with attached(self.engine, self.container) as stream:
                self.engine.start(self.container)
                self.began()
                self._follow(stream)
            if self._stopper:
                self._stopper.join(self.stop_s + ANSWER_S)
                return 0
            found = self.engine.container(self.container)
            if not (found and found["State"]["Running"]):
                return leave(found)

    def began(self) -> None:
        """Do nothing: for those who do more than pass the output on."""

    def said(self, output: bytes) -> None:
        """Pass output on."""
        with suppress(OSError):  # a full disk must not end a database
            os.write(1, output)

    def _follow(self, stream: socket.socket) -> None:
        with selectors.DefaultSelector() as waits:
            waits.register(stream, selectors.EVENT_READ, self._read)
            waits.register(self._woken, selectors.EVENT_READ, self._hear)
            parent = pidfd(self._parent)
            if parent is not None:
                waits.register(parent, selectors.EVENT_READ, self._orphaned)
            while True:
                for key, _ in waits.select(None if parent is not None else PARENT_S):
                    if not key.data(key.fileobj):
                        if key.fileobj is stream:
                            return
                        waits.unregister(key.fileobj)
                if parent is None and os.getppid() != self._parent:
                    self._end()

    def _read(self, stream: Any) -> bool:
        try:
            chunk = stream.recv(CHUNK)
        except OSError:
            return False
        self._pending += chunk
        while len(self._pending) >= FRAME:
            end = FRAME + int.from_bytes(self._pending[4:FRAME], "big")
            if len(self._pending) < end:
                break
            self.said(self._pending[FRAME:end])
            self._pending = self._pending[end:]
        return bool(chunk)

    def _hear(self, _: Any) -> bool:
        if {signal.SIGTERM, signal.SIGINT} & set(self._woken.recv(CHUNK)):
            self._end()
        return True

    def _orphaned(self, _: Any) -> bool:
        self._end()
        return False

    def _end(self) -> None:
        if self._stopper is None:
            self._stopper = threading.Thread(target=self._stop, name="stop", daemon=True)
            self._stopper.start()

    def _stop(self) -> None:
        try:
            self.engine.stop(self.container, self.stop_s)
        except (OSError, EngineError) as failure:
            complain(f"the container {self.container} could not be stopped: {failure}")
            os._exit(1)


def attached(engine: Engine, container: str) -> socket.socket:
    """Return the stream of a container's output from now on; EngineError when there is no such container."""
    connection = engine.connection()
    connection.connect()
    stream = connection.sock
    path = f"/containers/{container}/attach?stream=1&stdout=1&stderr=1"
    stream.sendall(f"POST {path} HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n".encode())
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = stream.recv(1)
        if not byte:
            raise ConnectionError("the engine closed the connection")
        head += byte
    status = int(head.split(b" ", 2)[1])
    if status not in (101, 200):
        raise EngineError(status, f"cannot attach to the container {container}")
    stream.settimeout(None)
    return stream


def pidfd(pid: int) -> int | None:
    """Return a descriptor that becomes readable when a process ends, where there are such (Linux)."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None


def leave(found: dict[str, Any] | None) -> int:
    """Say how the container ended, and end the same way: by its signal, or with its status."""
    if found is None:
        complain("the container was removed")
        return 1
    state = found["State"]
    status = int(state["ExitCode"])
    why = " (out of memory: raise `memory` of the resource)" if state.get("OOMKilled") else ""
    complain(f"the container ended with status {status}{why} {state.get('Error', '')}".rstrip())
    if SIGNALLED < status < SIGNALLED + signal.NSIG:
        number = status - SIGNALLED
        with suppress(OSError, ValueError):
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    return status


def complain(text: str) -> None:
    """Write a line to the log."""
    with suppress(OSError):
        os.write(2, f"{text}\n".encode())


def main(make: type[Keeper] = Keeper) -> int:
    """Keep the container of the command line, or stop it."""
    only_stop = sys.argv[1] == "--stop"
    where, container, stop_s = sys.argv[2:5] if only_stop else sys.argv[1:4]
    engine = Engine(where)
    try:
        if only_stop:
            engine.stop(container, float(stop_s))
            return 0
        return make(engine, container, float(stop_s)).run()
    except (OSError, EngineError) as failure:
        complain(f"{container}: {failure}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
