"""What the official image's entry does, as far as the driver relies on it: the root user first, then the server.

The server is secantusdb, which speaks MongoDB's protocol. Its program notices a signal only when a client connects, so
this process stays in front of it: it passes SIGTERM on and connects.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError

DATA = Path("/data/db")
MARKER = DATA / "standin.users"
PORT = 27017
FIRST_START_S, STOP_S = 30.0, 3.0


def start(host: str, port: int, *options: str) -> subprocess.Popen[bytes]:
    """Start the server on the data directory."""
    place = ("--host", host, "--port", str(port), "--storage-path", str(DATA))
    return subprocess.Popen(["secantusd-py", *place, "--log-level", "WARNING", "--sync-on-commit", *options])


def stop(server: subprocess.Popen[bytes], port: int) -> None:
    """Ask until it ends; kill it when it does not."""
    deadline = time.monotonic() + STOP_S
    server.terminate()
    while server.poll() is None and time.monotonic() < deadline:
        with suppress(subprocess.TimeoutExpired):
            server.wait(0.05)
        with suppress(OSError), closing(socket.create_connection(("127.0.0.1", port), 0.2)):
            pass
    if server.poll() is None:  # nothing is lost: every commit was synced
        server.kill()
        server.wait()


def create_root(name: str, password: str) -> None:
    """Create the root user on a server that listens inside this container alone."""
    server = start("127.0.0.1", PORT + 1)
    deadline = time.monotonic() + FIRST_START_S
    try:
        while True:
            try:
                options: dict[str, Any] = {"serverSelectionTimeoutMS": 500, "directConnection": True}
                with MongoClient[dict[str, Any]]("127.0.0.1", PORT + 1, **options) as client:
                    client.admin.command("createUser", name, pwd=password, roles=[{"role": "root", "db": "admin"}])
                break
            except PyMongoError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
    finally:
        stop(server, PORT + 1)
    MARKER.touch()


def main() -> int:
    """Run until the server ends or SIGTERM comes."""
    name, password = os.environ.get("MONGO_INITDB_ROOT_USERNAME"), os.environ.get("MONGO_INITDB_ROOT_PASSWORD")
    if name and password and not MARKER.exists():
        create_root(name, password)
    server = start("0.0.0.0", PORT, *(["--auth"] if MARKER.exists() else []))
    stopping: list[int] = []

    def ask(number: int, _frame: object) -> None:
        stopping.append(number)
        raise InterruptedError

    signal.signal(signal.SIGTERM, ask)
    signal.signal(signal.SIGINT, ask)
    try:
        return server.wait()
    except InterruptedError:
        stop(server, PORT)
        return 0


if __name__ == "__main__":
    raise SystemExit(main())
