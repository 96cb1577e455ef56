"""Ends a process whose drain does not end."""

from __future__ import annotations

import faulthandler
import os
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

_STDERR = 2
FORCED_EXIT = 75  # EX_TEMPFAIL: told apart from a crash and from a clean end


class Watchdog:
    """Ends the process if the drain does not: a thread, because a blocked event loop runs no timer.

    The thread is there from the start and `arm` only writes to a pipe, which a signal handler may do at any point; a
    loop that was blocked before the signal came is caught as well. `last_words` is called before the end.
    """

    def __init__(self, limit_s: float, last_words: Callable[[], object] = lambda: None) -> None:
        self._limit_s = limit_s
        self._last_words = last_words
        self._done = threading.Event()
        self._listen, self._signal = os.pipe()

    def __enter__(self) -> Self:
        threading.Thread(target=self._watch, name="drain-watchdog", daemon=True).start()
        return self

    def arm(self) -> None:
        """Begin to count, however often it is called."""
        os.write(self._signal, b"!")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self.arm()

    def _watch(self) -> None:
        os.read(self._listen, 1)
        if not self._done.wait(self._limit_s):
            # Past every lock of Python's: whoever holds one may be what hangs.
            os.write(_STDERR, f"drain not finished after {self._limit_s:.0f} s; forced exit\n".encode())
            faulthandler.dump_traceback(file=_STDERR)
            try:
                self._last_words()
            finally:
                os._exit(FORCED_EXIT)
