"""What happens in a child between its birth and its entry, the same for forked and spawned ones."""

from __future__ import annotations

import atexit
import gc
import importlib
import os
import random
import signal
import sys
import threading
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Mapping

LIFELINE = "AUTIONAL_LIFELINE_FD"
LISTENER = "AUTIONAL_LISTEN_FD"
HOLD = "AUTIONAL_HOLD"  # told to a process that builds itself up and then waits for the word to go on
GO = "AUTIONAL_GO_FD"
LAST_SECONDS = 3.0  # what a child may use to stop by itself once the supervisor is gone


def enter(
    *, name: str, env: Mapping[str, str], cwd: str | None, log: int, lifeline: int, listener: int | None = None
) -> None:
    """Turn a freshly forked process into the child `name`: session, signals, descriptors, environment, randomness."""
    os.setsid()
    reset_signals()
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    close_all_but(lifeline, *([] if listener is None else [listener]))
    os.environ.clear()
    os.environ.update(env)
    os.environ[LIFELINE] = str(lifeline)
    if listener is not None:
        os.environ[LISTENER] = str(listener)
    if cwd:
        os.chdir(cwd)
    random.seed()
    sys.argv = [name]
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    with suppress(OSError):  # what `ps` and `top` show; only Linux has the file
        Path("/proc/self/comm").write_text(name[:15], encoding="ascii")
    importlib.invalidate_caches()  # the zygote may have listed directories before files were edited
    gc.enable()


def reset_signals() -> None:
    """Give every signal the disposition that a new interpreter has."""
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        with suppress(OSError, ValueError):  # a few real-time signals belong to the C library
            signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def close_all_but(*kept: int) -> None:
    """Close every descriptor above stderr except `kept`."""
    first = 3
    for descriptor in sorted(kept):
        os.closerange(first, descriptor)
        first = descriptor + 1
    os.closerange(first, os.sysconf("SC_OPEN_MAX"))


def hold_lifeline(descriptor: int, go: int | None = None) -> None:
    """Watch the supervisor's end from a daemon thread; when it closes, stop as if asked, then without asking.

    What the supervisor says on it is the word to go on, which is passed to `go`.
    """

    def watch() -> None:
        with suppress(OSError):
            while word := os.read(descriptor, 64):
                if go is not None:
                    os.write(go, word)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(LAST_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, name="lifeline", daemon=True).start()


def call(entry: str) -> int:
    """Import `module:function`, call it, and return the exit status a program with that main would have."""
    module, _, function = entry.partition(":")
    try:
        result = getattr(importlib.import_module(module), function)()
    except SystemExit as left:
        result = left.code
    except KeyboardInterrupt:
        return 130
    except BaseException:  # noqa: BLE001 - the outermost frame of a process: report, then exit 1
        traceback.print_exc()
        return 1
    if isinstance(result, str):
        sys.stderr.write(result + "\n")
        return 1
    return int(result or 0)


def run(entry: str) -> NoReturn:
    """Hold the lifeline, call the entry and leave: exit handlers run, the interpreter's teardown is skipped."""
    if descriptor := os.environ.get(LIFELINE):
        os.set_inheritable(int(descriptor), False)
        go = None
        if os.environ.get(HOLD):
            told, go = os.pipe()
            os.environ[GO] = str(told)
        hold_lifeline(int(descriptor), go)
    status = call(entry)
    with suppress(Exception):
        atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(status & 0xFF)
