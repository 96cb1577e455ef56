"""Facts about processes, with the standard library alone: the guardian runs without site-packages."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

KEPT = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "TZ", "TMPDIR", "VIRTUAL_ENV", "PYTHONPATH", "LD_LIBRARY_PATH")
KEPT_PREFIXES = ("LC_", "XDG_", "SSL_CERT_", "DYLD_", "COVERAGE_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """How a process ended: `code` or `signal`; neither when nobody was left who could be told."""

    code: int | None = None
    signal: int | None = None

    @classmethod
    def from_status(cls, status: int) -> Exit:
        """Read a wait status (wait(2))."""
        if os.WIFSIGNALED(status):
            return cls(signal=os.WTERMSIG(status))
        return cls(code=os.waitstatus_to_exitcode(status))

    @classmethod
    def from_returncode(cls, returncode: int) -> Exit:
        """Read a return code of the subprocess module: negative means a signal."""
        return cls(signal=-returncode) if returncode < 0 else cls(code=returncode)

    def describe(self) -> str:
        """Return it in words, with what it usually means."""
        if self.signal is not None:
            return f"killed by {signal_name(self.signal)}{SIGNAL_MEANS.get(self.signal, '')}"
        if self.code is None:
            return "ended; its exit status is unknown because the zygote died first"
        return f"exited with status {self.code}"


SIGNAL_MEANS = {
    int(signal.SIGKILL): " (kill -9, or the kernel ran out of memory)",
    int(signal.SIGSEGV): " (a crash in native code)",
    int(signal.SIGABRT): " (a failed assertion in native code)",
    int(signal.SIGBUS): " (a crash in native code, or a full disk under a mapped file)",
}


def signal_name(number: int) -> str:
    """Return `SIGKILL` for 9."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def start_time(pid: int) -> str:
    """Return when `pid` started, as an opaque string that tells it from a later process of the same number.

    Empty when there is no such process, a zombie included.
    """
    if sys.platform == "linux":
        try:
            stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
        state, *fields = stat.rpartition(")")[2].split()  # the command name may hold spaces and parentheses
        return "" if state in "ZX" and not _other_threads(pid) else fields[18]
    answer = subprocess.run(  # noqa: S603 - fixed program, a number as argument
        ["/bin/ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False, timeout=5
    )
    return answer.stdout.strip().replace(" ", "_")


def is_suspended(pid: int) -> bool:
    """Whether a process is stopped by a signal or a debugger (proc(5), state T or t); False where nothing tells."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return False
    return stat.rpartition(b")")[2].split()[:1] in ([b"T"], [b"t"])


def _other_threads(pid: int) -> bool:
    """Whether threads other than the first still run: they keep ports open although the process looks like a zombie."""
    try:
        return len(list(Path(f"/proc/{pid}/task").iterdir())) > 1
    except OSError:
        return False


def is_alive(pid: int, started: str) -> bool:
    """Whether the process that started at `started` still runs."""
    return bool(started) and start_time(pid) == started


def signal_process(pid: int, number: int) -> bool:
    """Send a signal; return False when there is no such process."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def kill_group(pid: int) -> None:
    """Kill every process that is left in the group led by `pid`."""
    with suppress(ProcessLookupError, PermissionError):  # macOS answers EPERM for a group of zombies
        os.killpg(pid, signal.SIGKILL)


def base_environment(source: Mapping[str, str]) -> dict[str, str]:
    """Return the few variables of the user's environment that every process of the platform inherits."""
    return {k: v for k, v in source.items() if k in KEPT or k.startswith(KEPT_PREFIXES)}
