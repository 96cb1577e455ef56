"""Raw logs: what a process writes to stdout and stderr."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

LINES = 20
LARGEST = 64 * 1024  # bytes read from the end
WIDTH = 500  # characters kept of a line


def open_log(path: Path) -> int:
    """Open a raw log for appending, readable by the owner only; the caller closes it."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)


def log_size(log: Path | None) -> int:
    """Return how long the log is now, so that `last_lines` can leave out what an earlier process wrote."""
    try:
        return log.stat().st_size if log else 0
    except OSError:
        return 0


def last_lines(log: Path | None, since: int = 0, count: int = LINES) -> tuple[str, ...]:
    """Return up to `count` last lines written after offset `since`; nothing when there is no log."""
    if log is None:
        return ()
    try:
        with log.open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(min(since, end), end - LARGEST))
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return ()
    return tuple(line[:WIDTH] for line in text.splitlines() if line.strip())[-count:]
