"""The telemetry process's own structured log: JSON lines, as every process of the platform writes them."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from pathlib import Path
from typing import Any

import orjson

from autional_cli.telemetry.log_lines import format_timestamp


class Journal:
    """Appends events to a file, or to stderr when there is none."""

    def __init__(self, path: Path | None, instance: str) -> None:
        self.instance = instance
        self.path = path
        self.descriptor = sys.stderr.fileno() if path is None else open_log(path)
        self.owned = path is not None

    @classmethod
    def from_environment(cls) -> Journal:
        """Open the file that the supervisor names in AUTIONAL_LOG_FILE."""
        path = os.environ.get("AUTIONAL_LOG_FILE")
        return cls(Path(path) if path else None, os.environ.get("AUTIONAL_REPLICA", "telemetry"))

    def write(self, level: str, event: str, **fields: Any) -> None:
        """Append one event; to a new file if the old one was removed or renamed. A full disk loses it in silence."""
        with contextlib.suppress(OSError):
            self.reopen()
        line = {
            "timestamp": format_timestamp(time.time()),
            "level": level,
            "service": "telemetry",
            "instance": self.instance,
            "event": event,
        }
        with contextlib.suppress(OSError):
            os.write(self.descriptor, orjson.dumps(line | fields, default=str) + b"\n")

    def reopen(self) -> None:
        """Go on with the file that is at the path now."""
        if self.path is None:
            return
        try:
            is_current = os.path.samestat(self.path.stat(), os.fstat(self.descriptor))
        except FileNotFoundError:
            is_current = False
        if not is_current:
            stale, self.descriptor = self.descriptor, open_log(self.path)
            os.close(stale)

    def close(self) -> None:
        if self.owned:
            os.close(self.descriptor)


def open_log(path: Path) -> int:
    """Open a log for appending, readable by its owner only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
