"""The one writer: batches that arrive together are committed together, on a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from autional_cli.telemetry.limits import Limits
from autional_cli.telemetry.log_index import index_directory
from autional_cli.telemetry.schema import is_damage, is_whole, set_aside
from autional_cli.telemetry.store import FullError, Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import TypeVar

    from autional_cli.telemetry.journal import Journal
    from autional_cli.telemetry.otlp import Batch

    T = TypeVar("T")

COMMIT_SPANS, COMMIT_BYTES = 5_000, 8 * 1024 * 1024
WAITING_SPANS, WAITING_BYTES = 100_000, 64 * 1024 * 1024  # in memory; senders are told to come back beyond it


class BusyError(Exception):
    """The batch was not taken; the sender may repeat it."""


class Writer:
    """Owns the store. Use its coroutines from one event loop and `close` it at the end."""

    def __init__(self, path: Path, journal: Journal, limits: Limits | None = None) -> None:
        self.path = path
        self.journal = journal
        self.limits = limits or Limits()
        self.thread = ThreadPoolExecutor(1, thread_name_prefix="trace-writer")
        self.waiting: list[tuple[Batch, asyncio.Future[int]]] = []
        self.waiting_spans = self.waiting_bytes = 0
        self.flushing: asyncio.Task[None] | None = None
        self.store = self.open_store()
        self.opened = identity(path)

    def open_store(self) -> Store:
        """Open the store, logging a warning when the old file had to be set aside."""
        return Store.open(self.path, limits=self.limits, warn=lambda text: self.journal.write("warning", text))

    async def add(self, batch: Batch) -> int:
        """Store a batch; returns how many spans were refused because their trace is full. Raises BusyError."""
        spans, size = self.waiting_spans + len(batch.spans), self.waiting_bytes + batch.size
        if self.waiting and (spans > WAITING_SPANS or size > WAITING_BYTES):
            raise BusyError(f"{self.waiting_spans} spans are waiting to be written")
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.waiting.append((batch, done))
        self.waiting_spans, self.waiting_bytes = spans, size
        if self.flushing is None:
            self.flushing = asyncio.create_task(self.flush())
        return await done

    async def flush(self) -> None:
        """Write until nothing waits."""
        try:
            while self.waiting:
                group = self.take_group()
                try:
                    refused = await self.run(partial(self.write, [batch for batch, _ in group]))
                except FullError as failure:
                    self.journal.write("warning", "the trace store is full", error=str(failure))
                    self.settle_failed(group, failure)
                except Exception as failure:  # noqa: BLE001  # whatever went wrong, the senders must be answered
                    self.journal.write("error", "spans could not be stored", error=str(failure))
                    self.settle_failed(group, failure)
                else:
                    settle(group, refused)
        finally:
            self.flushing = None

    def take_group(self) -> list[tuple[Batch, asyncio.Future[int]]]:
        """Take waiting batches, up to about COMMIT_SPANS spans or COMMIT_BYTES."""
        spans = size = taken = 0
        while taken < len(self.waiting) and spans < COMMIT_SPANS and size < COMMIT_BYTES:
            batch, _ = self.waiting[taken]
            spans += len(batch.spans)
            size += batch.size
            taken += 1
        group, self.waiting = self.waiting[:taken], self.waiting[taken:]
        self.waiting_spans -= spans
        self.waiting_bytes -= size
        return group

    def settle_failed(self, group: list[tuple[Batch, asyncio.Future[int]]], failure: Exception) -> None:
        """Tell the senders of a group that it was not stored."""
        for _, done in group:
            if not done.done():
                done.set_exception(BusyError(f"the trace store cannot be written: {failure}"))

    def write(self, batches: list[Batch]) -> Counter[str]:
        """Write a group in one transaction; a store found damaged is set aside and the group goes to a new one."""
        self.must_be_ours()
        spans = [span for batch in batches for span in batch.spans]
        rejected = sum((batch.rejected_by_trace for batch in batches), Counter[str]())
        try:
            return self.store.add(spans, rejected)
        except sqlite3.DatabaseError as failure:
            if not is_damage(failure):
                raise
            self.replace_damaged(failure)
            return self.store.add(spans, rejected)

    def must_be_ours(self) -> None:
        """Start a new store when the file of this one was removed, replaced or overwritten; readers go by its path."""
        if identity(self.path) != self.opened:
            self.replace_damaged("it was removed or replaced while it was in use")
        elif not is_whole(self.path):
            self.replace_damaged("it was overwritten or cut short while it was in use")

    def replace_damaged(self, failure: sqlite3.DatabaseError | str) -> None:
        """Rename what is at the place of the store and start a new one."""
        with contextlib.suppress(sqlite3.Error):
            self.store.connection.close()
        was_there = self.path.exists()
        kept = set_aside(self.path)
        words = f"; kept as {kept.name}" if was_there else ""
        self.journal.write("warning", f"{self.path.name} is damaged ({failure}){words}; started anew")
        self.store = self.open_store()
        self.opened = identity(self.path)

    async def index_logs(self, directory: Path) -> None:
        """Index what was logged since the last time."""
        try:
            await self.run(partial(self.index, directory))
        except (sqlite3.Error, OSError) as failure:
            self.journal.write("warning", "logs could not be indexed", error=str(failure))
            if isinstance(failure, sqlite3.DatabaseError) and is_damage(failure):
                await self.run(partial(self.replace_damaged, failure))

    def index(self, directory: Path) -> None:
        """Index what was logged, on the writer's thread; the index counts for the size of the store."""
        self.must_be_ours()
        if index_directory(self.store.connection, directory):
            self.store.settle()

    async def run(self, work: Callable[[], T]) -> T:
        """Run `work` on the writer's thread."""
        return await asyncio.get_running_loop().run_in_executor(self.thread, work)

    async def close(self) -> None:
        """Write what waits, close the store and end the thread."""
        if self.flushing is not None:
            await self.flushing
        try:
            await self.run(self.store.close)
        except sqlite3.Error as failure:  # a full disk: what is in the write-ahead log is read from there next time
            self.journal.write("warning", "the trace store was not folded together", error=str(failure))
        self.thread.shutdown()


def identity(path: Path) -> tuple[int, int] | None:
    """Return which file is at a path."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def settle(group: list[tuple[Batch, asyncio.Future[int]]], refused: Counter[str]) -> None:
    """Tell each sender of a group how many of its spans were refused."""
    for batch, done in group:
        own = 0
        if refused:
            sent = Counter(span.trace_id for span in batch.spans)
            shares = {trace_id: min(count, refused[trace_id]) for trace_id, count in sent.items()}
            refused.subtract(shares)
            own = sum(shares.values())
        if not done.done():
            done.set_result(own)
