"""`python -S -E -s -m autional_cli.supervisor.guardian LOCK`: stops what a supervisor that was killed left behind.

It reads lines from stdin: `add PID STARTED STOP KILL PORT NAME` (STARTED may be `?`: looked up as the line comes),
`del PID`, `socket PATH`, `freeze PID STARTED`, `thaw PID`, `after NAME COMMAND`, `done NAME`, `bye`. At the end of the
stream without `bye` it lets frozen processes go on, stops every process it was told of, runs the commands that stop
what outlives a process, and removes the sockets. Standard library only, a session of its own, and a lock on LOCK for
its life, so that the next supervisor can wait until the ground is clear.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from autional_cli.supervisor.process import is_alive, kill_group, signal_process, start_time

GRACE_S = 5.0  # from the stop signal to the next, harder one
WAKE_AFTER_S = 0.05  # between the signal and that connection: together they would be missed
AFTERMATH_S = 20.0
HARD_S = 2.0  # from a kill signal that is not SIGKILL to SIGKILL


class Ward(NamedTuple):
    """A process to stop, and how."""

    pid: int
    started: str
    stop: int
    kill: int
    wake_port: int
    name: str


def read(lines: list[str]) -> tuple[dict[int, Ward], list[Path], bool]:
    """Return the processes and sockets that are left after `lines`, and whether `bye` was said."""
    wards: dict[int, Ward] = {}
    sockets: list[Path] = []
    said_bye = False
    for line in lines:
        verb, _, rest = line.strip().partition(" ")
        if verb == "add":
            pid, started, stop, kill, port, name = rest.split(" ", 5)
            wards[int(pid)] = Ward(int(pid), started, int(stop), int(kill), int(port), name)
        elif verb == "del":
            wards.pop(int(rest), None)
        elif verb == "socket":
            sockets.append(Path(rest))
        elif verb == "bye":
            said_bye = True
    return wards, sockets, said_bye


def aftermaths(lines: list[str]) -> list[list[str]]:
    """Return what is to be run when all processes have ended: a folder and a command each, the last of each name."""
    found: dict[str, list[str]] = {}
    for line in lines:
        verb, _, rest = line.strip().partition(" ")
        if verb == "after":
            name, _, command = rest.partition(" ")
            found[name] = json.loads(command)
        elif verb == "done":
            found.pop(rest, None)
    return list(found.values())


def arrived(line: str) -> str:
    """Return a line with the start of a process that told of itself and could not know it."""
    verb, pid, started, *rest = line.split(" ", 3) if line.count(" ") > 2 else (line, "", "")
    return " ".join((verb, pid, start_time(int(pid)) or "-", *rest)) if (verb, started) == ("add", "?") else line


def clear_up(commands: list[list[str]]) -> None:
    """Run commands side by side, each to its end or for AFTERMATH_S."""
    running = [subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL) for folder, *command in commands]  # noqa: S603 - from our supervisor
    deadline = time.monotonic() + AFTERMATH_S
    for process in running:
        try:
            process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()


def frozen(lines: list[str]) -> dict[int, str]:
    """Return the processes that a drill has stopped, with when they started."""
    found: dict[int, str] = {}
    for line in lines:
        verb, _, rest = line.strip().partition(" ")
        if verb == "freeze":
            pid, _, started = rest.partition(" ")
            found[int(pid)] = started
        elif verb == "thaw":
            found.pop(int(rest), None)
    return found


def wait(wards: list[Ward], seconds: float) -> list[Ward]:
    """Return those that still run after `seconds` at most."""
    deadline = time.monotonic() + seconds
    while (left := [w for w in wards if is_alive(w.pid, w.started)]) and time.monotonic() < deadline:
        pause(left[0].pid, deadline - time.monotonic())
    return left


def pause(pid: int, seconds: float) -> None:
    """Wait for the end of `pid` where the kernel can tell (Linux), otherwise for a moment."""
    try:
        descriptor = os.pidfd_open(pid)
    except (AttributeError, OSError):
        time.sleep(min(0.05, max(seconds, 0)))
        return
    poller = select.poll()
    poller.register(descriptor, select.POLLIN)
    poller.poll(max(1, int(min(seconds, 0.25) * 1000)))
    os.close(descriptor)


def stop_all(wards: list[Ward]) -> None:
    """Stop signal to all, then each one's kill signal, then SIGKILL to the groups."""
    running = [w for w in wards if is_alive(w.pid, w.started)]
    for ward in running:
        signal_process(ward.pid, ward.stop)
    if any(ward.wake_port for ward in running):
        time.sleep(WAKE_AFTER_S)
    for ward in running:
        if ward.wake_port:  # some servers notice a signal only when accept() returns
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", ward.wake_port), 0.5):
                pass
    late = wait(running, GRACE_S)
    milder = [w for w in late if w.kill != signal.SIGKILL]
    for ward in milder:
        signal_process(ward.pid, ward.kill)
    if milder:
        wait(milder, HARD_S)
    for ward in running:
        kill_group(ward.pid)


def main() -> int:
    """Read until the supervisor is gone, then do the work if it did not say bye."""
    lock = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # it ends with its supervisor, not with a terminal
    lines = [arrived(line) for line in sys.stdin]
    wards, sockets, said_bye = read(lines)
    if not said_bye:
        for pid, started in frozen(lines).items():
            if is_alive(pid, started):  # what is stopped hears no stop signal, nor that its parent is gone
                signal_process(pid, signal.SIGCONT)
        stop_all(list(wards.values()))
        clear_up(aftermaths(lines))
        for path in sockets:
            path.unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
