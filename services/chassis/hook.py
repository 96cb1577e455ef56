"""`python -m services.chassis drain`: a hook before the stop of a container (`preStop`) that drains its service.

It returns once the service has said that it is drained, so the signal that the engine sends next finds nothing left to
cut off. `autional drain --self` does the same where the command line is installed.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
import time
from contextlib import suppress

from services.chassis.container import NoServiceError, service_pid
from services.chassis.notify import drain_address

_FINAL = "X_AUTIONAL_DRAIN="
_LARGEST = 256 * 1024
_SLACK_S = 5.0  # for the watchdog to end the process at its limit
_LOOK_S = 0.05


def main() -> int:
    """Drain the service of this container; 0 when it said so or ended, 1 when it did neither in time."""
    limit_s = float(os.environ.get("AUTIONAL_SHUTDOWN_TIMEOUT_S") or 30.0) + _SLACK_S
    try:
        pid = service_pid()
    except (OSError, NoServiceError) as error:
        sys.stderr.write(f"nothing to drain: {error}\n")
        return 1
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as said:
        said.setblocking(False)
        said.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * _LARGEST)
        with suppress(OSError):  # somebody drains it already: then its end is what there is to wait for
            said.bind("\0" + drain_address(pid).removeprefix("@"))
        os.kill(pid, signal.SIGTERM)
        report = _await_report(said, pid, time.monotonic() + limit_s)
    if report is None:
        sys.stderr.write(f"not drained within {limit_s:g} s\n")
        return 1
    sys.stdout.write(report + "\n")
    return 0


def _await_report(said: socket.socket, pid: int, until: float) -> str | None:
    """Return the final report, an empty text if the process ended without one, None when time is up."""
    while time.monotonic() < until:
        if select.select([said], [], [], _LOOK_S)[0]:
            lines = said.recv(_LARGEST).decode(errors="replace").splitlines()
            for line in lines:
                if line.startswith(_FINAL):
                    return line.removeprefix(_FINAL)
        if not _runs(pid):
            return ""
    return None


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
