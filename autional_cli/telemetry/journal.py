"""The telemetry process's own structured log: JSON lines, as every process of the platform writes them."""

from __future__ import annotations

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
        self.descriptor = sys.stderr.fileno()
        self.owned = path is not None
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self.descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    @classmethod
    def from_environment(cls) -> Journal:
        """Open the file that the supervisor names in AUTIONAL_LOG_FILE."""
        path = os.environ.get("AUTIONAL_LOG_FILE")
        return cls(Path(path) if path else None, os.environ.get("AUTIONAL_REPLICA", "telemetry"))

    def write(self, level: str, event: str, **fields: Any) -> None:
        """Append one event."""
        line = {
            "timestamp": format_timestamp(time.time()),
            "level": level,
            "service": "telemetry",
            "instance": self.instance,
            "event": event,
        }
        os.write(self.descriptor, orjson.dumps(line | fields, default=str) + b"\n")

    def close(self) -> None:
        if self.owned:
            os.close(self.descriptor)
