"""Lines of a log file, from either end, with bounded memory.

A file is one JSON object a line, appended to while it is read; `.out` files hold the plain text of programs that know
no better. A line that is not JSON, the last one after a crash for instance, is shown as it is.
"""

from __future__ import annotations

import json
import os
import re
import time
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from autional_cli.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BLOCK = 64 * 1024
LINE_LIMIT = 1024 * 1024  # bytes of one line that are kept
TIMESTAMP = re.compile(rb'"timestamp":\s?"([^"]{10,40})"')
PLAIN_TIMESTAMP = re.compile(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d(?:\.\d+)?)(?: ?UTC|Z)")


class Entry(NamedTuple):
    """One log event. `timestamp` is RFC 3339 in UTC, so entries sort by it as text."""

    unit: str
    timestamp: str
    level: str
    event: str
    fields: dict[str, Any]


def parse(line: bytes, unit: str, fallback: str) -> Entry:
    """Read a line; `fallback` is the timestamp of a line that has none."""
    text = redact(line.decode("utf-8", "replace").rstrip("\r\n"))
    if text.startswith("{"):
        try:
            fields = json.loads(text)
        except ValueError:
            fields = None
        if isinstance(fields, dict):
            timestamp = str(fields.get("timestamp") or fallback)
            return Entry(unit, timestamp, str(fields.get("level", "info")), str(fields.get("event", "")), fields)
    found = PLAIN_TIMESTAMP.search(text, 0, 64)
    timestamp = f"{found[1]}T{found[2]}Z" if found else fallback
    return Entry(unit, timestamp, "info", text, {"timestamp": timestamp, "service": unit, "event": text})


def format_timestamp(seconds: float) -> str:
    """Write seconds since the epoch as the logs do: RFC 3339, UTC, microseconds."""
    whole, micros = divmod(round(seconds * 1e6), 1_000_000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)) + f".{micros:06d}Z"


def read_forward(path: Path, start: int = 0, since: str | None = None) -> Iterator[Entry]:
    """Yield entries from byte `start` on, oldest first; with `since`, skip to that time without reading it all."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        if since is not None:
            start = max(start, find_since(file, since))
        file.seek(start)
        # Raw output has no times of its own; when it was written last is the best that is known.
        previous = format_timestamp(os.fstat(file.fileno()).st_mtime) if path.suffix == ".out" else ""
        for line in iterate_lines(file):
            entry = parse(line, path.stem, previous)
            previous = entry.timestamp
            if since is None or entry.timestamp >= since:
                yield entry


def iterate_lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield lines from the current position, cut to LINE_LIMIT."""
    while line := file.readline(LINE_LIMIT):
        if not line.endswith(b"\n"):
            while (rest := file.readline(BLOCK)) and not rest.endswith(b"\n"):
                pass
        if line.strip():
            yield line


def find_since(file: BinaryIO, since: str) -> int:
    """Return an offset before the first line at or after `since`, by bisection: lines are in order of time."""
    low, high = 0, file.seek(0, os.SEEK_END)
    wanted = since.encode()
    while high - low > BLOCK:
        middle = (low + high) // 2
        file.seek(middle)
        file.readline(LINE_LIMIT)  # the rest of a line whose beginning lies before
        found = TIMESTAMP.search(file.readline(LINE_LIMIT))
        if found is not None and found[1] < wanted:
            low = middle
        else:
            high = middle
    if low == 0:
        return 0
    file.seek(low)
    file.readline(LINE_LIMIT)
    return file.tell()


def read_backward(path: Path, end: int | None = None) -> Iterator[Entry]:
    """Yield entries before byte `end` (default: the end of the file), newest first."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        previous = format_timestamp(os.fstat(file.fileno()).st_mtime)
        for line in iterate_lines_backward(file, end):
            entry = parse(line, path.stem, previous)
            previous = entry.timestamp
            yield entry


def iterate_lines_backward(file: BinaryIO, end: int | None) -> Iterator[bytes]:
    """Yield the lines before byte `end`, last first, cut to LINE_LIMIT."""
    position = file.seek(0, os.SEEK_END) if end is None else end
    rest = b""
    while position > 0:
        size = min(BLOCK, position)
        position -= size
        file.seek(position)
        first, *lines = (file.read(size) + rest).split(b"\n")
        for line in reversed(lines):
            if line.strip():
                yield line[:LINE_LIMIT]
        rest = first[:LINE_LIMIT]
    if rest.strip():
        yield rest


def complete_size(path: Path) -> int:
    """Return the size of a file without a last line that is still being written."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return 0
    with file:
        position = file.seek(0, os.SEEK_END)
        while position > 0:
            size = min(BLOCK, position)
            file.seek(position - size)
            newline = file.read(size).rfind(b"\n")
            if newline >= 0:
                return position - size + newline + 1
            position -= size
    return 0
