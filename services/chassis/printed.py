"""What a service prints becomes log lines, with the trace it was printed in; nothing that it says gets lost.

Output past Python, of native code or of the interpreter at its end, goes to the raw log of the process as it is.
"""

from __future__ import annotations

import contextlib
import io
import logging
import sys
import threading
from collections.abc import Iterator
from typing import TextIO

from services.chassis.logging import get_logger

_LONGEST = 16 * 1024  # characters of a line; a longer one is logged in parts
_LEVELS = {"stdout": logging.INFO, "stderr": logging.WARNING}


class Printed(io.TextIOBase):
    """Stands in for stdout or stderr: each line that is written to it is logged with `stream` and its name."""

    def __init__(self, name: str, original: TextIO) -> None:
        self._name = name
        self._original = original
        self._log = get_logger("printed")
        self._of_thread = threading.local()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The encoding of the stream behind it."""
        return self._original.encoding

    @property
    def buffer(self) -> object:
        """The binary stream behind it, whose bytes go to the raw log."""
        return self._original.buffer

    def fileno(self) -> int:
        """Return the descriptor behind it, for what is handed to other processes."""
        return self._original.fileno()

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, text: str) -> int:
        """Log what is complete of the lines of this thread."""
        if getattr(self._of_thread, "logging", False):  # the log itself is in trouble and says so
            return self._original.write(text)
        *lines, rest = (getattr(self._of_thread, "rest", "") + text).split("\n")
        while len(rest) > _LONGEST:
            lines.append(rest[:_LONGEST])
            rest = rest[_LONGEST:]
        self._of_thread.rest = rest
        for line in lines:
            self._put(line)
        return len(text)

    def _put(self, line: str) -> None:
        if not line.strip():
            return
        self._of_thread.logging = True
        try:
            for start in range(0, len(line), _LONGEST):
                self._log.log(_LEVELS[self._name], line[start : start + _LONGEST], stream=self._name)
        finally:
            self._of_thread.logging = False

    def close(self) -> None:
        """Log what this thread wrote without an end of line."""
        rest, self._of_thread.rest = getattr(self._of_thread, "rest", ""), ""
        self._put(rest)


@contextlib.contextmanager
def logged_prints() -> Iterator[None]:
    """Log what is printed in the block, and warnings as one line each."""
    streams = (sys.stdout, sys.stderr)
    out, err = Printed("stdout", sys.stdout), Printed("stderr", sys.stderr)
    sys.stdout, sys.stderr = out, err
    logging.captureWarnings(True)
    try:
        yield
    finally:
        logging.captureWarnings(False)
        sys.stdout, sys.stderr = streams
        out.close()
        err.close()
