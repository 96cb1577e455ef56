"""Whatever ends pytest, what its tests started ends: each pytest process has a guardian, as each supervisor has.

The guardian reads a pipe that ends with this process, however it ends. A process says by itself that it is there,
before it becomes the program that was asked for, so there is no moment in which it could be forgotten.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from autional_cli.drivers.base import ProcessSpec

ROOT = Path(__file__).parents[1]
BECOME = """
import os, sys
pipe, rest = int(sys.argv[1]), sys.argv[2]
os.write(pipe, f"add {os.getpid()} {rest}\\n".encode())
os.close(pipe)
os.execvp(sys.argv[3], sys.argv[3:])
"""


@cache
def pipe() -> int:
    """Return the descriptor that the guardian of this process listens to; it is started at the first call."""
    folder = Path(tempfile.gettempdir())
    reading, writing = os.pipe()
    lock = folder / f"autional-tests-{os.getpid()}.lock"
    with (folder / f"autional-tests-{os.getpid()}.out").open("wb") as log:
        guardian = subprocess.Popen(
            [sys.executable, "-S", "-E", "-s", "-m", "autional_cli.supervisor.guardian", str(lock)],
            cwd=ROOT,
            stdin=reading,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    guardian.returncode = 0  # it outlives us by design
    os.close(reading)
    for path in (lock, Path(log.name)):
        tell(writing, f"socket {path}")
    return writing


def tell(descriptor: int, line: str) -> None:
    """Write one line; the kernel keeps lines of several processes apart up to 512 bytes."""
    os.write(descriptor, f"{line}\n".encode())


def guarded(argv: Sequence[object], spec: ProcessSpec | None = None) -> tuple[list[str], tuple[int, ...]]:
    """Return the words that start `argv` under guard, and what `subprocess` is to pass on (`pass_fds`).

    With a driver's `spec` it is stopped as the supervisor would, otherwise by SIGTERM.
    """
    stop, kill, wake = signal.SIGTERM, signal.SIGKILL, 0
    if spec is not None:
        stop, kill, wake = spec.stop_signal, spec.kill_signal, spec.wake_port or 0
    words = [str(word) for word in argv]
    how = f"? {int(stop)} {int(kill)} {wake} {Path(words[0]).name}"
    return [sys.executable, "-S", "-E", "-s", "-c", BECOME, str(pipe()), how, *words], (pipe(),)


def promise(root: Path, instance: str) -> None:
    """Have a platform stopped and its state removed, should this process end before `keep_promise`."""
    command = [str(ROOT), sys.executable, "-m", "tests.leftover", str(root), instance]
    tell(pipe(), f"after {quote(f'{root}:{instance}')} {json.dumps(command)}")


def keep_promise(root: Path, instance: str) -> None:
    """The platform was stopped."""
    tell(pipe(), f"done {quote(f'{root}:{instance}')}")
