"""Reading the logs of an instance as one stream in order of time: `*.jsonl`, and `*.out` for what is no log line."""

from __future__ import annotations

import heapq
import re
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from autional_cli.errors import AutionalError
from autional_cli.telemetry.log_lines import Entry, complete_size, read_backward, read_forward

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

SERVERS = frozenset({"postgres", "redis", "cache", "mongo", "objects", "jaeger"})  # shown only when they are named
LEVELS = {"debug": 10, "info": 20, "warning": 30, "warn": 30, "error": 40, "critical": 50}


@dataclass(slots=True)
class Selection:
    """Which entries to show. `since` is RFC 3339 UTC, `level` the least level, `trace` an id or its beginning."""

    since: str | None = None
    level: str | None = None
    pattern: re.Pattern[str] | None = None
    trace: str | None = None

    def accepts(self, entry: Entry) -> bool:
        """Tell whether an entry is to be shown."""
        if self.since is not None and entry.timestamp < self.since:
            return False
        if self.level is not None and LEVELS.get(entry.level.lower(), 20) < LEVELS[self.level]:
            return False
        if self.trace is not None and not str(entry.fields.get("trace_id", "")).startswith(self.trace):
            return False
        return self.pattern is None or self.matches(entry, self.pattern)

    def matches(self, entry: Entry, pattern: re.Pattern[str]) -> bool:
        """Tell whether the message or any field contains the pattern."""
        if pattern.search(entry.event):
            return True
        return any(pattern.search(f"{key}={value}") for key, value in entry.fields.items())


def compile_selection(
    *, since: str | None = None, level: str | None = None, grep: str | None = None, trace: str | None = None
) -> Selection:
    """Check a user's filters; raises AutionalError (usage) naming the wrong one."""
    if level is not None and level.lower() not in LEVELS:
        raise AutionalError(f"unknown level {level!r}", hint=f"use one of {', '.join(LEVELS)}")
    try:
        pattern = re.compile(grep) if grep is not None else None
    except re.error as failure:
        raise AutionalError(f"--grep {grep!r} is not a regular expression: {failure}") from failure
    if trace is not None and not re.fullmatch("[0-9a-fA-F]{4,32}", trace):
        raise AutionalError(f"{trace!r} is not a trace id", hint="give at least four of its 32 hex digits")
    return Selection(since, level.lower() if level else None, pattern, trace.lower() if trace else None)


def list_files(directory: Path, units: Sequence[str] = ()) -> list[Path]:
    """Return the log files of the named units, replicas included; of all but the servers of others for none.

    A unit has a structured log, raw output (`.out`: what native code, a crash or a foreign program says), or both.
    Raises AutionalError for a name that has no log, with the names that have one.
    """
    available = sorted((*directory.glob("*.jsonl"), *directory.glob("*.out")))
    if not units:
        return [path for path in available if path.stem not in SERVERS]
    chosen: dict[Path, None] = {}
    for unit in units:
        replica = re.compile(rf"{re.escape(unit)}(-\d+)?")
        found = [path for path in available if replica.fullmatch(path.stem)]
        if not found:
            raise unknown_unit(unit, sorted({path.stem for path in available}), directory)
        chosen |= dict.fromkeys(found)
    return list(chosen)


def unknown_unit(unit: str, available: list[str], directory: Path) -> AutionalError:
    """Say that a unit has no log, and which have."""
    from difflib import get_close_matches

    if not available:
        return AutionalError(f"no logs yet in {directory}", hint="autional up")
    close = get_close_matches(unit, available, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"there are logs of: {', '.join(available)}"
    return AutionalError(f"no log of {unit!r} in {directory}", hint=hint)


def tail(ends: dict[Path, int], count: int, selection: Selection) -> list[Entry]:
    """Return the newest `count` matching entries before the given byte of each file, oldest first."""
    streams = [reversed_stream(path, end, selection.since) for path, end in ends.items()]
    newest_first = heapq.merge(*streams, key=entry_time, reverse=True)
    return list(islice(filter(selection.accepts, newest_first), count))[::-1]


def reversed_stream(path: Path, end: int, since: str | None) -> Iterator[Entry]:
    """Yield a file's entries newest first and stop at `since`, so that old ones are not even read."""
    for entry in read_backward(path, end):
        if since is not None and entry.timestamp < since:
            return
        yield entry


def scan(ends: Iterable[Path], selection: Selection) -> Iterator[Entry]:
    """Yield all matching entries, oldest first."""
    streams = [read_forward(path, since=selection.since) for path in ends]
    return filter(selection.accepts, heapq.merge(*streams, key=entry_time))


def entry_time(entry: Entry) -> str:
    """Order entries by time."""
    return entry.timestamp


def measure(paths: Iterable[Path]) -> dict[Path, int]:
    """Return how far each file is written, in bytes of complete lines."""
    return {path: complete_size(path) for path in paths}
