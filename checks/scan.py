"""Examine all files: from the cache where they have not changed, on every core where they have."""

from __future__ import annotations

import contextlib
import gc
import os
from typing import TYPE_CHECKING, Any

from checks.analysis import examine
from checks.cache import as_json, digest
from checks.facts import FileRecord
from checks.model import IncompleteError
from checks.rule import sees_files

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from checks.cache import Cache
    from checks.rule import Collector
    from checks.sources import Entry

WORTH_A_PROCESS = 60  # files; fewer are examined sooner than a process is forked
CHUNK = 16


def scan(root: Path, entries: Sequence[Entry], collectors: Sequence[Collector], cache: Cache) -> dict[str, FileRecord]:
    """Return the record of every file, in the order of their paths."""
    collectors = [one for one in collectors if sees_files(one)]
    records = {entry.path: cache.get(entry) for entry in entries}
    todo = [entry for entry in entries if records[entry.path] is None]
    for entry, (record, content) in zip(todo, examined(root, todo, collectors), strict=True):
        records[entry.path] = FileRecord(**record)
        if content and "_failed" not in record["notes"]:
            cache.put(entry, record, content)
        else:
            cache.drop(entry.path)
    return {path: record for path, record in records.items() if record is not None}


def examined(root: Path, todo: list[Entry], collectors: Sequence[Collector]) -> list[tuple[dict[str, Any], str]]:
    """Return record and content digest of each file; no digest for one that could not be read."""
    workers = min(os.cpu_count() or 1, 4)
    if len(todo) < WORTH_A_PROCESS or workers == 1:
        return batch(root, todo, collectors)
    import multiprocessing  # a warm run needs neither
    from concurrent.futures import ProcessPoolExecutor

    if "fork" not in multiprocessing.get_all_start_methods():
        return batch(root, todo, collectors)
    for one in collectors:
        with contextlib.suppress(IncompleteError):  # the rule itself will say so
            one.prepare()
    # By size, largest first, dealt out in turn: no worker is left alone with all the long files.
    order = sorted(range(len(todo)), key=lambda index: -todo[index].size)
    parts = [order[start::CHUNK] for start in range(min(CHUNK, len(order)))]
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        jobs = [pool.submit(batch, root, [todo[index] for index in part], collectors) for part in parts]
        found: dict[int, tuple[dict[str, Any], str]] = {}
        for part, job in zip(parts, jobs, strict=True):
            found |= dict(zip(part, job.result(), strict=True))
    return [found[index] for index in range(len(todo))]


def batch(root: Path, entries: list[Entry], collectors: Sequence[Collector]) -> list[tuple[dict[str, Any], str]]:
    """Examine some files; the garbage collector waits, since trees make it look at millions of nodes in vain."""
    paused = gc.isenabled()
    gc.disable()
    try:
        results = []
        for entry in entries:
            record, source = examine(root, entry, collectors)
            results.append((as_json(record), "" if source.problem else digest(source.data)))
        return results
    finally:
        if paused:
            gc.enable()
