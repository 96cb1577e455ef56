"""`autional drain --self`: drains the one service process of a container or host, without a supervisor of ours."""

from __future__ import annotations

import os
import signal
import socket
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autional_cli.errors import AutionalError, ExitCode
from autional_cli.supervisor.client import wait_gone
from autional_cli.supervisor.drained import Drained, DrainReport
from autional_cli.supervisor.launch import HURRY_EVERY_S, HURRY_S
from autional_cli.supervisor.notify import LARGEST, drain_said, parse

if TYPE_CHECKING:
    from collections.abc import Mapping

MODULE = "services.chassis"
TELLING = ("AUTIONAL_REPLICA", "AUTIONAL_HTTP_PORT")  # which one is meant, if our environment says it


def drain_alone(timeout_s: float) -> dict[str, Any]:
    """Signal the service process here, wait for its end, and return the report.

    When `timeout_s` have passed it is told to hurry. It is never killed: that is for whoever runs it.
    AutionalError (exit 4) when there is no such process or more than one, (exit 8) when it does not end.
    """
    pid, name = find()
    began = time.monotonic()
    with closing(listen(pid)) as said:
        os.kill(pid, signal.SIGTERM)
        if not wait_gone(pid, timeout_s):
            hurry(pid)
        report = last_said(said)
        elapsed_ms = round((time.monotonic() - began) * 1000)
    if not wait_gone(pid, 0):
        raise AutionalError(
            f"{name} (pid {pid}) did not end within {timeout_s:g} s and {HURRY_S:g} s more",
            hint="its log says which step it is in; whoever runs it may kill it now",
            exit_code=ExitCode.DRAIN_INCOMPLETE,
        )
    drained = Drained(unit=name, service=name, said=report, elapsed_ms=elapsed_ms)
    return DrainReport(ended=[drained], elapsed_ms=elapsed_ms).to_json(restarted=False, pid=pid)


def hurry(pid: int) -> None:
    """Tell a process not to wait any more, several times: two signals that come at once count as one."""
    for _ in range(round(HURRY_S / HURRY_EVERY_S)):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        if wait_gone(pid, HURRY_EVERY_S):
            return


def find() -> tuple[int, str]:
    """Return process id and name of the only service process that is meant.

    Process 1 if it is one; otherwise the one that was told the same replica and port as our environment says, if it
    says so. AutionalError (exit 4) when that is none or several.
    """
    found = {int(entry.name): name for entry in Path("/proc").glob("[0-9]*") if (name := service_of(entry))}
    if 1 in found:
        return 1, found[1]
    wanted = {key: os.environ[key] for key in TELLING if os.environ.get(key)}
    found = {pid: name for pid, name in found.items() if is_meant(Path(f"/proc/{pid}"), wanted)}
    # What a service forks bears its name until it is another program.
    found = {pid: name for pid, name in found.items() if parent_of(pid) not in found}
    if len(found) != 1:
        listed = ", ".join(f"{name} (pid {pid})" for pid, name in sorted(found.items()))
        raise AutionalError(
            f"--self needs one service process here, and there {'are ' + str(len(found)) if found else 'is none'}"
            + (f": {listed}" if listed else ""),
            hint="it looks for `python -m services.chassis NAME`; AUTIONAL_REPLICA says which of several",
            exit_code=ExitCode.BACKEND_UNAVAILABLE,
        )
    return next(iter(found.items()))


def service_of(entry: Path) -> str:
    """Return which service a process runs (`python -m services.chassis NAME`), or nothing."""
    try:
        words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return ""
    for flag, module, name in zip(words, words[1:], words[2:], strict=False):
        if (flag, module) == ("-m", MODULE) and name.isidentifier():
            return name
    return ""


def parent_of(pid: int) -> int:
    """Return the parent of a process, 0 when it is gone (proc(5), stat: field 4, after the name in parentheses)."""
    try:
        return int(
            Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[1]
        )
    except (OSError, IndexError, ValueError):
        return 0


def is_meant(entry: Path, wanted: Mapping[str, str]) -> bool:
    """Whether a process was told what we were told."""
    if not wanted:
        return True
    try:
        lines = (entry / "environ").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return False
    told = dict(line.split("=", 1) for line in lines if "=" in line)
    return all(told.get(key) == value for key, value in wanted.items())


def listen(pid: int) -> socket.socket:
    """Return a socket at the address where `services.chassis.notify.drain_address` sends the report."""
    said = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    said.setblocking(False)
    said.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * LARGEST)
    with suppress(OSError):  # no abstract names on macOS, or somebody drains it already: then there is no report
        said.bind(f"\0autional-drain-{pid}")
    return said


def last_said(said: socket.socket) -> dict[str, Any] | None:
    """Return the last report that came, or None."""
    report: dict[str, Any] | None = None
    with suppress(BlockingIOError):
        while True:
            fields = parse(said.recv(LARGEST))
            report = drain_said(fields) or report
    return report
