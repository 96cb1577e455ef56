"""Runs a server for as long as standard input is open: `python -I -S watcher.py PORT PROGRAM…`.

A program of its own, on the standard library: when the supervisor dies, however it dies, the pipe closes and the server
is stopped.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from contextlib import suppress

ATTEMPTS = 2
ATTEMPT_S = 4.0
WAKE_AFTER_S = 0.05
WAKE_S = 0.5


def main() -> int:
    """Run a program until standard input closes, or it ends by itself; return its exit status."""
    port, *argv = sys.argv[1:]
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL) as server:  # noqa: S603 - the caller is the supervisor
        threading.Thread(target=lambda: os._exit(server.wait()), daemon=True).start()
        sys.stdin.read()
        for _ in range(ATTEMPTS):
            server.terminate()
            with suppress(subprocess.TimeoutExpired):
                return server.wait(WAKE_AFTER_S)
            with suppress(OSError):  # a server that waits in accept() ends at the next connection
                socket.create_connection(("127.0.0.1", int(port)), WAKE_S).close()
            with suppress(subprocess.TimeoutExpired):
                return server.wait(ATTEMPT_S)
        server.kill()
        return 1


if __name__ == "__main__":
    sys.exit(main())
