"""What a process said last: its raw log, and what it printed, which its structured log has."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from autional_cli.redaction import redact

if TYPE_CHECKING:
    from pathlib import Path

LINES = 20
LARGEST = 64 * 1024  # bytes read from the end
WIDTH = 500  # characters kept of a line


def open_log(path: Path) -> int:
    """Open a raw log for appending, readable by the owner only; the caller closes it. OSError without an instance."""
    path.parent.mkdir(exist_ok=True, mode=0o700)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)


def log_size(log: Path | None) -> int:
    """Return how long the log is now, so that `last_lines` can leave out what an earlier process wrote."""
    try:
        return log.stat().st_size if log else 0
    except OSError:
        return 0


def last_lines(log: Path | None, since: int = 0, count: int = LINES) -> tuple[str, ...]:
    """Return up to `count` last lines written after offset `since`; nothing when there is no log."""
    return tuple(redact(line)[:WIDTH] for line in _raw_lines(log, since) if line.strip())[-count:]


def printed_lines(log: Path | None, since: int = 0, count: int = LINES) -> tuple[str, ...]:
    """Return up to `count` last lines of a structured log that were printed (`services/chassis/printed.py`)."""
    found: list[str] = []
    for line in _raw_lines(log, since):
        try:
            fields = json.loads(line)
        except ValueError:
            continue
        if isinstance(fields, dict) and ("stream" in fields or fields.get("logger") == "py.warnings"):
            found.append(redact(str(fields.get("event")).strip())[:WIDTH])
    return tuple(found)[-count:]


def _raw_lines(log: Path | None, since: int) -> list[str]:
    if log is None:
        return []
    try:
        with log.open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(since if since <= end else 0, end - LARGEST))  # it was cut meanwhile
            return file.read().decode("utf-8", errors="replace").splitlines()
    except OSError:
        return []
