"""Small programs for the supervisor to run: real processes that listen, report readiness, crash or hang."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from autional_cli.supervisor.notify import notify


class Facts(BaseHTTPRequestHandler):
    """Answers with what a test wants to know about the process."""

    def do_GET(self) -> None:
        if self.path == "/die":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.path == "/share":
            body = Path("/proc/self/autogroup").read_text().split()[-1]
        elif self.path.startswith("/env/"):
            body = os.environ.get(self.path[5:], "")
        else:
            fds = sorted(path.name for path in Path("/proc/self/fd").iterdir())
            body = f"{os.getpid()} {os.getsid(0)} {os.getpgid(0)} {sys.argv[0]} {','.join(fds)}"
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        """Stay silent."""


def web() -> int:
    """Serve HTTP on AUTIONAL_HTTP_PORT, or on the socket that was handed over, until SIGTERM."""
    handed = os.environ.get("AUTIONAL_LISTEN_FD")
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ["AUTIONAL_HTTP_PORT"])), Facts, not handed)
    if handed:
        server.socket.close()
        server.socket = socket.socket(fileno=int(handed))
        server.server_activate()
    server.daemon_threads = False  # what was accepted is answered before the end
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    notify(READY=1, STATUS="serving")
    server.serve_forever(poll_interval=0.02)
    notify(STOPPING=1)
    server.server_close()
    if journal := os.environ.get("STOP_JOURNAL"):
        with Path(journal).open("a") as file:
            file.write(os.environ["UNIT"] + "\n")
    return 0


def yielding() -> int:
    """Serve like `web`; a successor only once its session yields to the others."""
    share = Path("/proc/self/autogroup")
    until = time.monotonic() + 15
    while os.environ.get("SUCCESSOR") and "nice 10" not in share.read_text() and time.monotonic() < until:
        time.sleep(0.01)
    return web() if time.monotonic() < until else 1


def held() -> int:
    """Build up, wait for the word to go on, then serve; stop when told to stop instead."""
    from services.chassis.hold import told_to_go

    return web() if asyncio.run(told_to_go()) else 0


def gated() -> None:
    """Be ready when the file OPEN exists."""
    while not Path(os.environ["OPEN"]).exists():
        time.sleep(0.02)
    notify(READY=1)
    signal.pause()


def crash() -> None:
    """Die before being ready."""
    print("about to give up", flush=True)
    raise RuntimeError("the configuration is missing")


def crash_until_fixed() -> int:
    """Die as long as the file BROKEN exists."""
    if Path(os.environ["BROKEN"]).exists():
        print("still broken", flush=True)
        return 3
    return web()


def silent() -> None:
    """Never become ready."""
    signal.pause()


def stubborn() -> None:
    """Ignore SIGTERM."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    notify(READY=1)
    while True:
        signal.pause()


def lingering() -> int:
    """Have something in hand that only a second SIGTERM interrupts, and say so."""
    hurried = threading.Event()
    came: list[int] = []

    def on_signal(number: int, _frame: object) -> None:
        came.append(number)
        if len(came) > 1:
            hurried.set()

    signal.signal(signal.SIGTERM, on_signal)
    notify(READY=1)
    signal.pause()
    lost = [{"kind": "request", "name": "GET /", "trace_id": "t"}]
    report = {"in_flight": 1, "completed": 0, "aborted": 0, "unacked": 0, "lost": [], "steps": []}
    notify(X_AUTIONAL_PROGRESS=json.dumps({**report, "in_hand": lost}))
    while not hurried.wait(0.05):
        pass
    if "DEAF" in os.environ:
        threading.Event().wait()
    step = {"name": "listeners", "ms": 1.0, "ok": False, "detail": "1 cut off"}
    notify(X_AUTIONAL_DRAIN=json.dumps({**report, "aborted": 1, "unacked": 2, "lost": lost, "steps": [step]}))
    return 0


def with_grandchild() -> None:
    """Leave a process of the same group behind."""
    if (grandchild := os.fork()) == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            signal.pause()
    notify(READY=1, STATUS=grandchild)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    while True:
        signal.pause()


def once() -> int:
    """A task: append a line to RAN and end."""
    with Path(os.environ["RAN"]).open("a") as file:
        file.write("ran\n")
    return int(os.environ.get("STATUS", "0"))


def breathing() -> None:
    """Say that it is alive from one thread, as an event loop would, until the file MUTE exists; then be silent."""
    notify(READY=1)
    while True:
        if not Path(os.environ["MUTE"]).exists():
            notify(WATCHDOG=1)
        time.sleep(0.05)


def talkative() -> None:
    """Print a line of 1 kB every so often: SAYS_S seconds."""
    notify(READY=1)
    number = 0
    while True:
        number += 1
        os.write(2, f"{number} {'x' * 1000}\n".encode())
        time.sleep(float(os.environ["SAYS_S"]))
