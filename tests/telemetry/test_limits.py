"""What the telemetry process takes and keeps: bytes on disk, requests, spans; and what it says of what it left out."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

import pytest

from autional_cli.telemetry.limits import Limits
from autional_cli.telemetry.model import Query
from autional_cli.telemetry.otlp_json import encode_traces
from autional_cli.telemetry.reader import Reader
from autional_cli.telemetry.store import FullError, Store

from .process import run_telemetry
from .recording import Recording, record_login

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .process import Workspace

MIB = 1024 * 1024
EVER = Query(0, 2**62, limit=100_000)


def record_large(spans: int = 4, size: int = 12_000, **attributes: Any) -> Recording:
    recording = Recording()
    root = recording.span("GET /large", 0, 10, service="shop", kind="server", payload="é" * (size // 2), **attributes)
    for number in range(spans - 1):
        recording.span(f"step {number}", 1, 2, root, service="shop", payload="x" * size)
    return recording


def on_disk(path: Path) -> int:
    parts = (path.with_name(path.name + suffix) for suffix in ("", "-wal"))
    return sum(part.stat().st_size for part in parts if part.exists())


def kept(path: Path) -> set[str]:
    with closing(Reader.open(path)) as reader:
        return {summary.trace_id for summary in reader.search(EVER)}


def run_limited(workspace: Workspace, **limits: int) -> Any:
    return run_telemetry(workspace, AUTIONAL_TELEMETRY_LIMITS=json.dumps(limits))


def test_large_spans_stay_within_the_size_and_the_newest_stay(workspace: Workspace) -> None:
    size, sent = 16 * MIB, []
    with run_limited(workspace, size_bytes=size) as telemetry:
        for _ in range(80):
            batch = [record_large() for _ in range(13)]  # nearly the largest request that this size allows
            spans = [span for recording in batch for span in recording.spans]
            body = json.dumps(encode_traces(spans)).encode()
            assert telemetry.request("POST", "/v1/traces", body, Content_Type="application/json").status == 200
            sent += [recording.trace_id for recording in batch]
            assert on_disk(workspace.store) <= size
            with closing(Reader.open(workspace.store)) as reader:
                assert reader.fetch(sent[-1]) is not None
        remaining = kept(workspace.store)
    assert remaining == set(sent[-len(remaining) :])  # the oldest went
    assert len(remaining) * 48_000 > size // 2  # and no more than necessary


def test_small_spans_too(workspace: Workspace) -> None:
    size, sent = 16 * MIB, []
    with run_limited(workspace, size_bytes=size) as telemetry:
        for _ in range(60):
            batch = [record_login() for _ in range(100)]
            body = json.dumps(encode_traces([span for login in batch for span in login.spans])).encode()
            assert len(body) < 1 * MIB
            assert telemetry.request("POST", "/v1/traces", body, Content_Type="application/json").status == 200
            sent += [login.trace_id for login in batch]
            assert on_disk(workspace.store) <= size
        remaining = kept(workspace.store)
    assert 0 < len(remaining) < len(sent)
    assert remaining == set(sent[-len(remaining) :])


def test_names_and_processes_that_never_repeat_do_not_fill_the_store(
    path: Path, open_store: Callable[..., Store]
) -> None:
    limits = Limits(size_bytes=16 * MIB)
    store = open_store(limits)
    for number in range(400):
        recording = Recording()
        for each in range(20):
            name = f"GET /{number}/{each}" + "y" * 900
            recording.span(name, 0, 1, service=f"service-{number}-{each}", instance="z" * 250)
        store.add(recording.spans)
        assert on_disk(path) <= limits.size_bytes
    assert recording.trace_id in kept(path)
    used = store.connection.execute("SELECT count(*) FROM sources").fetchone()[0]
    spans = store.connection.execute("SELECT count(*) FROM spans").fetchone()[0]
    assert used <= spans  # a process whose spans have gone is gone as well


def test_the_newest_trace_stays_and_says_what_it_lacks(path: Path, open_store: Callable[..., Store]) -> None:
    limits = Limits(size_bytes=16 * MIB)
    store = open_store(limits)
    old = [record_large() for _ in range(100)]
    for recording in old:
        store.add(recording.spans)
    endless = Recording()
    for _ in range(40):
        begun = len(endless.spans)
        for number in range(50):
            endless.span(f"step {number}", 0, 1, payload="x" * 12_000)
        store.add(endless.spans[begun:])
        assert on_disk(path) <= limits.size_bytes
    with closing(Reader.open(path)) as reader:
        trace = reader.fetch(endless.trace_id)
    assert trace is not None
    assert trace.rejected == len(endless.spans) - len(trace.spans) > 0
    assert len(trace.spans) * 12_000 > limits.trace_bytes * 3 // 4


def test_the_file_shrinks_when_the_limit_does(path: Path, open_store: Callable[..., Store]) -> None:
    store = open_store(Limits(size_bytes=64 * MIB))
    recordings = [record_large() for _ in range(600)]
    for recording in recordings:
        store.add(recording.spans)
    store.close()
    assert path.stat().st_size > 24 * MIB
    open_store(Limits(size_bytes=16 * MIB))
    assert on_disk(path) <= 16 * MIB
    assert recordings[-1].trace_id in kept(path)
    assert recordings[0].trace_id not in kept(path)


def test_the_file_shrinks_when_its_traces_have_become_old(path: Path, open_store: Callable[..., Store]) -> None:
    now = 10**18
    store = open_store(Limits(size_bytes=64 * MIB, age_s=60), clock=lambda: now)
    for _ in range(200):
        store.add(record_large().spans)
    before = on_disk(path)
    now += 61 * 10**9
    newest = record_large()
    store.add(newest.spans)
    store.evict()
    assert on_disk(path) < before // 4
    assert kept(path) == {newest.trace_id}


def test_a_reader_that_holds_an_old_state_cannot_make_the_log_grow_without_end(
    path: Path, open_store: Callable[..., Store]
) -> None:
    limits = Limits(size_bytes=16 * MIB)
    store = open_store(limits)
    first = record_large()
    store.add(first.spans)
    with closing(Reader.open(path)) as reader:
        reader.connection.execute("BEGIN")
        assert reader.connection.execute("SELECT count(*) FROM spans").fetchone() == (4,)
        with pytest.raises(FullError):
            for _ in range(1000):
                store.add(record_large().spans)
                assert on_disk(path) <= limits.size_bytes + MIB
        reader.connection.execute("ROLLBACK")
    after = record_large()
    store.add(after.spans)
    assert after.trace_id in kept(path)
    assert on_disk(path) <= limits.size_bytes


def test_a_store_of_the_release_before_is_taken_over_and_shrinks(path: Path, open_store: Callable[..., Store]) -> None:
    recordings = [record_large() for _ in range(600)]
    store = open_store(Limits(size_bytes=64 * MIB))
    for recording in recordings:
        store.add(recording.spans)
    store.close()
    make_version_1(path)
    opened = open_store(Limits(size_bytes=16 * MIB))
    assert opened.connection.execute("PRAGMA auto_vacuum").fetchone() == (2,)
    assert on_disk(path) <= 16 * MIB
    with closing(Reader.open(path)) as reader:
        trace = reader.fetch(recordings[-1].trace_id)
    assert trace is not None
    assert len(trace.spans) == 4


def make_version_1(path: Path) -> None:
    """Take the file back to the tables of the first release."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript(
            "PRAGMA journal_mode = DELETE; DROP INDEX spans_by_id; DROP INDEX spans_by_source;"
            "ALTER TABLE spans DROP COLUMN bytes; ALTER TABLE spans DROP COLUMN cut;"
            "ALTER TABLE spans DROP COLUMN digest;"
            "ALTER TABLE traces DROP COLUMN bytes; PRAGMA user_version = 1; PRAGMA auto_vacuum = 0; VACUUM;"
            "CREATE UNIQUE INDEX spans_by_id ON spans (trace_id, span_id); PRAGMA journal_mode = WAL;"
        )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "traces.db"


@pytest.fixture
def open_store(path: Path) -> Any:
    opened: list[Store] = []

    def make(limits: Limits, **options: Any) -> Store:
        opened.append(Store.open(path, limits=limits, warn=pytest.fail, **options))
        return opened[-1]

    yield make
    for store in opened:
        with suppress(sqlite3.ProgrammingError):  # closed by its test
            store.close()
