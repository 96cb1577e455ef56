"""Which log lines belong to a trace: an index that the telemetry process keeps, and looking it up.

The index may lag behind the files; the lookup reads what is not indexed yet, so an answer is complete either way.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from autional_cli.telemetry.log_lines import Entry, complete_size, parse
from autional_cli.telemetry.schema import transaction

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

    from autional_cli.telemetry.reader import Reader

TRACE_ID = re.compile(rb'"trace_id":\s?"([0-9a-f]{32})"')
CHUNK = 4 * 1024 * 1024
SCAN_LIMIT = 64 * 1024 * 1024  # bytes searched from the end of a file that is not indexed
UPSERT_FILE = """
INSERT INTO log_files (name, inode, indexed) VALUES (?, ?, ?)
ON CONFLICT (name) DO UPDATE SET inode = excluded.inode, indexed = excluded.indexed RETURNING id
"""


def index_directory(connection: sqlite3.Connection, directory: Path) -> int:
    """Index what was written to the structured logs since the last time; returns the number of new entries."""
    rows = connection.execute("SELECT name, inode, indexed FROM log_files")
    known = {name: (inode, indexed) for name, inode, indexed in rows}
    return sum(
        index_file(connection, path, *known.get(path.name, (0, 0))) for path in sorted(directory.glob("*.jsonl"))
    )


def index_file(connection: sqlite3.Connection, path: Path, inode: int, indexed: int) -> int:
    """Index the complete lines of one file after byte `indexed`; a replaced or truncated file begins anew."""
    try:
        current, end = path.stat().st_ino, complete_size(path)
    except FileNotFoundError:
        return 0
    if current == inode and end == indexed:
        return 0
    begins_anew = current != inode or end < indexed
    start = 0 if begins_anew else indexed
    count = 0
    while True:
        lines, size = find_lines(path, start, min(end, start + CHUNK))
        with transaction(connection):
            file_id = connection.execute(UPSERT_FILE, (path.name, current, start + size)).fetchone()[0]
            if begins_anew:
                connection.execute("DELETE FROM log_lines WHERE file_id = ?", (file_id,))
            rows = [(trace_id, file_id, offset, length) for trace_id, offset, length in lines]
            connection.executemany("INSERT OR IGNORE INTO log_lines VALUES (?, ?, ?, ?)", rows)
        begins_anew = False
        count += len(rows)
        start += size
        if start >= end or size == 0:
            return count


def find_lines(path: Path, start: int, end: int) -> tuple[list[tuple[bytes, int, int]], int]:
    """Return (trace id, offset, length) of the lines between two bytes, and how many bytes of whole lines were read."""
    with path.open("rb") as file:
        file.seek(start)
        block = file.read(end - start)
    size = block.rfind(b"\n") + 1 or len(block)
    lines = []
    for found in TRACE_ID.finditer(block, 0, size):
        first = block.rfind(b"\n", 0, found.start()) + 1
        last = block.find(b"\n", found.end())
        lines.append((bytes.fromhex(found[1].decode()), start + first, (last if last >= 0 else size) - first))
    return lines, size


def read_trace(directory: Path, trace_id: str, reader: Reader | None) -> list[Entry]:
    """Return the log entries of a trace in order of time, from the index and from what it does not cover yet."""
    indexed = reader.log_files() if reader is not None else {}
    positions: dict[str, list[tuple[int, int]]] = {}
    for name, start, length in reader.log_lines(trace_id) if reader is not None else ():
        positions.setdefault(name, []).append((start, length))
    entries: list[Entry] = []
    for path in sorted(directory.glob("*.jsonl")):
        inode, covered = indexed.get(path.name, (0, 0))
        try:
            status = path.stat()
        except FileNotFoundError:
            continue
        if status.st_ino != inode or status.st_size < covered:
            covered = 0
        # What was indexed since `log_files` was read is past `covered`, and so among what is searched.
        known = [(start, length) for start, length in positions.get(path.name, []) if start < covered]
        lines = read_lines(path, known)
        lines += search_lines(path, max(covered, status.st_size - SCAN_LIMIT), trace_id)
        entries += [parse(line, path.stem, "") for line in lines]
    found = [entry for entry in entries if entry.fields.get("trace_id") == trace_id]
    return sorted(found, key=lambda entry: entry.timestamp)


def read_lines(path: Path, positions: list[tuple[int, int]]) -> list[bytes]:
    """Read lines at known places."""
    lines = []
    with path.open("rb") as file:
        for start, length in positions:
            file.seek(start)
            lines.append(file.read(length))
    return lines


def search_lines(path: Path, start: int, trace_id: str) -> list[bytes]:
    """Return the lines after byte `start` that contain the trace id."""
    needle = trace_id.encode()
    lines = []
    with path.open("rb") as file:
        file.seek(start)
        while block := file.readlines(CHUNK):
            lines += [line for line in block if needle in line]
    return lines
