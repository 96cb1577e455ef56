"""The supervisor's own structured log, in the form that every process of the platform writes (`logs/<unit>.jsonl`)."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from autional_cli.redaction import redact

if TYPE_CHECKING:
    from pathlib import Path

    from autional_cli.supervisor.state import Transition


class Journal:
    """Appends one JSON object per line; a full disk does not stop the supervisor."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, event: str, *, level: str = "info", **fields: Any) -> None:
        """Write one event."""
        stamp = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        head = {"timestamp": stamp, "level": level, "service": "supervisor", "instance": "supervisor", "event": event}
        told = head | {k: v for k, v in fields.items() if v not in (None, "", ())}
        line = json.dumps({k: redact(v) if isinstance(v, str) else v for k, v in told.items()}, default=str)
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        except OSError:
            return
        try:
            os.write(descriptor, line.encode() + b"\n")
        except OSError:
            return
        finally:
            os.close(descriptor)

    def transition(self, change: Transition) -> None:
        """Write a change of state; details alone are not worth a line."""
        unit = change.new
        if change.old == unit.state:
            return
        bad = unit.failing and unit.state.value in ("failed", "starting", "unhealthy")
        level = "error" if unit.state.value == "failed" else "warning" if bad else "info"
        self.write(
            f"{unit.name} is {unit.state}", level=level, unit=unit.name, pid=unit.pid, reason=unit.reason if bad else ""
        )
