"""Following logs as they grow, by file system notification."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from watchfiles._rust_notify import RustNotify  # documented for direct use: it watches from construction on

from autional_cli.telemetry.log_lines import Entry, complete_size, format_timestamp, parse
from autional_cli.telemetry.logs import entry_time, list_files

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from autional_cli.telemetry.logs import Selection

STEP_MS = 50
READ_LIMIT = 8 * 1024 * 1024  # bytes taken from one file at a time


class Watch:
    """Notices changes in a directory from the moment it is made."""

    def __init__(self, directory: Path, *, step_ms: int = STEP_MS) -> None:
        self.notify = RustNotify([str(directory)], False, False, 0, False, False)
        self.step_ms = step_ms

    def wait(self, stop: threading.Event | None = None) -> bool:
        """Block until something changed; False when `stop` was set. Raises KeyboardInterrupt on Ctrl-C."""
        outcome = self.notify.watch(4 * self.step_ms, self.step_ms, 0, stop)
        if outcome == "signal":
            raise KeyboardInterrupt
        return outcome != "stop"

    def close(self) -> None:
        self.notify.close()


def follow(
    directory: Path,
    units: Sequence[str],
    starting: Callable[[dict[Path, int]], Iterator[Entry]],
    selection: Selection,
    stop: threading.Event | None = None,
) -> Iterator[Entry]:
    """Yield what `starting` makes of the present files, then every matching entry as it is written.

    The watch begins before the first read, so that nothing falls between the two. Units that appear later join.
    """
    watch = Watch(directory)
    try:
        positions = {path: complete_size(path) for path in list_files(directory, units)}
        yield from starting(dict(positions))
        while True:
            yield from filter(selection.accepts, read_new(directory, units, positions))
            if not watch.wait(stop):
                return
    finally:
        watch.close()


def read_new(directory: Path, units: Sequence[str], positions: dict[Path, int]) -> list[Entry]:
    """Return what was written since `positions` and move them on; a file that shrank is read anew."""
    entries: list[Entry] = []
    for path in list_files(directory, units):
        start = positions.get(path, 0)
        end = complete_size(path)
        start = 0 if end < start else start
        while start < end:
            with path.open("rb") as file:
                file.seek(start)
                block = file.read(min(end - start, READ_LIMIT))
            now = format_timestamp(time.time()) if path.suffix == ".out" else ""
            cut = block.rfind(b"\n") + 1 or len(block)
            entries += [parse(line, path.stem, now) for line in block[:cut].splitlines() if line.strip()]
            start += cut
        positions[path] = end
    return sorted(entries, key=entry_time)
