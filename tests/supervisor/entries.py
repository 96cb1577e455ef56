"""Small programs for the supervisor to run: real processes that listen, report readiness, crash or hang."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from autional_cli.supervisor.notify import notify


class Facts(BaseHTTPRequestHandler):
    """Answers with what a test wants to know about the process."""

    def do_GET(self) -> None:
        if self.path.startswith("/env/"):
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
    """Serve HTTP on AUTIONAL_HTTP_PORT until SIGTERM."""
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ["AUTIONAL_HTTP_PORT"])), Facts)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    notify(READY=1, STATUS="serving")
    server.serve_forever(poll_interval=0.02)
    notify(STOPPING=1)
    if journal := os.environ.get("STOP_JOURNAL"):
        with Path(journal).open("a") as file:
            file.write(os.environ["UNIT"] + "\n")
    return 0


def called() -> None:
    """Report how long after the request to fork the entry was called."""
    notify(READY=1, STATUS=f"called {time.monotonic() - float(os.environ['ASKED']):.4f}")
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
