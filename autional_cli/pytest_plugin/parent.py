"""A test run ends with whoever asked for it, `autional test` or `make test`, however that ends."""

from __future__ import annotations

import os
import signal
import threading

LOOK_AGAIN_S = 0.25  # where nothing tells of the end of a process that is no child


def follow(given: str) -> None:
    """Interrupt this run, as Ctrl-C does, once the process with the id `given` is gone; without an id do nothing."""
    if given.isdecimal():
        threading.Thread(target=_watch, args=(int(given),), name="parent of the test run", daemon=True).start()


def _watch(pid: int) -> None:
    never = threading.Event()
    while _is_there(pid):
        never.wait(LOOK_AGAIN_S)
    os.kill(os.getpid(), signal.SIGINT)


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
