"""`python -m autional_cli.supervisor.zygote FD [MODULE…]`: imports the third-party stack once, forks on request.

No threads, no event loop. Of our own code it holds the chassis, which every service shares, so that its pages are
shared too; an edit of the chassis makes a new zygote. A child imports its service itself. Requests arrive on the
socket FD, each with its lifeline, its log and perhaps a listening socket; answers are lines of JSON:
`{"ready":…}`, `{"id":…,"pid":…}`, `{"id":…,"error":…}`, `{"pid":…,"status":…}` where status is a wait status.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import select
import signal
import socket
import struct
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from autional_cli.supervisor import child
from autional_cli.supervisor.preload import CHASSIS, LATER, STACK, WITHOUT

if TYPE_CHECKING:
    from collections.abc import Iterable

HEADER = struct.Struct("!I")
IDLE_MS = 2000


class Request(NamedTuple):
    """What to fork. `lifeline` and `log` are descriptors of this process."""

    id: int
    name: str
    entry: str
    env: dict[str, str]
    cwd: str | None
    lifeline: int
    log: int
    listener: int | None = None


def preload(modules: list[str]) -> list[str]:
    """Import `modules`; return those that could not be: a child that needs one fails by itself and says why.

    Without collecting garbage before the freeze: the holes it leaves would be filled by the children, page by page, and
    each such page would be theirs alone.
    """
    missing = []
    gc.disable()
    for module in modules:
        try:
            importlib.import_module(module)
        except Exception:  # noqa: BLE001 - our own modules may be in the middle of an edit
            missing.append(module)
    gc.freeze()
    return missing


def threads() -> int:
    """Return how many threads this process has, those that Python does not know of included."""
    with suppress(OSError):
        return len(list(Path("/proc/self/task").iterdir()))
    return threading.active_count()


def encode(message: dict[str, Any]) -> bytes:
    """Return a request in its wire form: length, then JSON."""
    body = json.dumps(message, separators=(",", ":")).encode()
    return HEADER.pack(len(body)) + body


def receive(control: socket.socket) -> Request | None:
    """Return the next request, or None at the end of the stream."""
    head, descriptors, _, _ = socket.recv_fds(control, HEADER.size, 3)
    while head and len(head) < HEADER.size:
        head += control.recv(HEADER.size - len(head)) or sys.exit("zygote: torn request")
    if not head:
        return None
    body = bytearray()
    (length,) = HEADER.unpack(head)
    while len(body) < length:
        body += control.recv(length - len(body)) or sys.exit("zygote: torn request")
    return Request(
        **json.loads(body), lifeline=descriptors[0], log=descriptors[1], listener=next(iter(descriptors[2:]), None)
    )


class Zygote:
    """The blocking loop of the parent: requests in, forks, exits out."""

    def __init__(self, control: socket.socket, later: Iterable[str] = ()) -> None:
        self.control = control
        self.later = list(later)
        self._wake, wakeup = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(wakeup, False)
        signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def say(self, **message: Any) -> None:
        """Answer the supervisor; leave when it is gone."""
        try:
            self.control.sendall(json.dumps(message, separators=(",", ":")).encode() + b"\n")
        except OSError:
            sys.exit(0)

    def serve(self) -> Request | None:
        """Return None in the parent when the supervisor has gone, and the request in each forked child."""
        poller = select.poll()
        poller.register(self.control, select.POLLIN)
        poller.register(self._wake, select.POLLIN)
        while True:
            ready = {descriptor for descriptor, _ in poller.poll(IDLE_MS if self.later else None)}
            if not ready:
                preload([self.later.pop(0)])  # one at a time: a request waits for no more than that
            if self._wake in ready:
                self.reap()
            if self.control.fileno() in ready:
                request = receive(self.control)
                if request is None or self.fork(request):
                    return request

    def reap(self) -> None:
        """Report every child that ended."""
        with suppress(BlockingIOError):
            while os.read(self._wake, 512):
                pass
        with suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if not pid:
                    return
                self.say(pid=pid, status=status)

    def fork(self, request: Request) -> bool:
        """Fork; return True in the child. A process with threads is not forked: their locks would stay locked."""
        if (count := threads()) > 1:
            self.say(id=request.id, error=f"the zygote has {count} threads; forking it is not safe")
            pid = -1
        else:
            pid = os.fork()
        if pid == 0:
            return True
        for descriptor in (request.lifeline, request.log, request.listener):
            if descriptor is not None:
                os.close(descriptor)
        if pid > 0:
            self.say(id=request.id, pid=pid)
        return False


def become(request: Request, control: socket.socket) -> NoReturn:
    """Leave the zygote's life behind and run the entry."""
    control.detach()  # its number is closed below; the object must not close whatever gets that number next
    child.enter(**{name: value for name, value in request._asdict().items() if name not in ("id", "entry")})
    child.run(request.entry)


def main() -> NoReturn:
    """Import, then serve until the supervisor closes its end."""
    started = time.monotonic()
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    given = sys.argv[2:]
    sys.modules.update(dict.fromkeys(WITHOUT))  # type: ignore[arg-type]  # None: as if it were not installed
    missing = preload(given or [*STACK, *CHASSIS])
    for module in WITHOUT:
        del sys.modules[module]
    zygote = Zygote(control, () if given else LATER)
    zygote.say(ready=round(time.monotonic() - started, 3), missing=missing, threads=threads())
    request = zygote.serve()
    if request is not None:
        become(request, control)
    os._exit(0)  # tearing down everything that was imported would take longer than it is worth


if __name__ == "__main__":
    main()
