"""The trace store: batches, repeats, limits, damage, and readers beside the writer."""

from __future__ import annotations

import sqlite3
import threading
from typing import TYPE_CHECKING

import pytest

from autional_cli.telemetry.limits import Limits
from autional_cli.telemetry.model import Query, Summary
from autional_cli.telemetry.reader import Reader
from autional_cli.telemetry.schema import ForeignStoreError
from autional_cli.telemetry.store import Store

from .process import Telemetry, Workspace, run_telemetry
from .recording import Recording, record_login

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

EVER = Query(0, 2**62, limit=1000)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "traces.db"


@pytest.fixture
def make_store(path: Path) -> Iterator[Callable[..., Store]]:
    opened: list[Store] = []

    def make(limits: Limits | None = None, clock: Callable[[], int] | None = None) -> Store:
        options = {"clock": clock} if clock else {}
        opened.append(Store.open(path, limits=limits, warn=pytest.fail, **options))
        return opened[-1]

    yield make
    for store in opened:
        store.close()


@pytest.fixture
def store(make_store: Callable[..., Store]) -> Store:
    return make_store()


@pytest.fixture
def reader(store: Store, path: Path) -> Iterator[Reader]:
    opened = Reader.open(path)
    yield opened
    opened.close()


def only(summaries: list[Summary]) -> Summary:
    (summary,) = summaries
    return summary


def test_a_trace_comes_back_as_it_was_sent(store: Store, reader: Reader) -> None:
    login = record_login()
    store.add(login.spans)
    trace = reader.fetch(login.trace_id)
    assert trace is not None
    assert sorted(trace.spans, key=lambda span: span.span_id) == sorted(login.spans, key=lambda span: span.span_id)
    assert reader.fetch("0" * 31 + "1") is None


def test_the_summary_is_the_same_however_the_spans_arrive(store: Store, reader: Reader) -> None:
    whole, parts = record_login(10**18), record_login(10**18)
    store.add(whole.spans)
    for span in reversed(parts.spans):
        store.add([span])
    first, second = reader.search(EVER)
    assert first == second._replace(trace_id=first.trace_id)
    assert (first.root_service, first.root_name, first.root_kind) == (
        "gateway",
        "POST /api/v1/identity/login",
        "server",
    )
    assert (first.duration_ns, first.end_ns - first.start_ns, first.spans) == (31_200_000, 107_000_000, 16)


def test_a_batch_sent_twice_counts_once(store: Store, reader: Reader) -> None:
    login = record_login()
    store.add(login.spans[:5])
    before = login.spans[5:9]
    store.add(before)
    store.add([*before, *login.spans[9:]])
    summary = only(reader.search(EVER))
    assert summary.spans == len(login.spans)
    assert sum(spans for spans, _ in summary.services.values()) == len(login.spans)


def test_a_prefix_finds_the_ids_that_begin_with_it(store: Store, reader: Reader) -> None:
    ids = ["abc" + "0" * 28 + "1", "abc" + "f" * 29, "abd" + "0" * 29]
    for number, trace_id in enumerate(ids):
        recording = Recording(10**18 + number, trace_id)
        recording.span("x", 0, 1)
        store.add(recording.spans)
    assert reader.resolve("abc", 10) == [ids[1], ids[0]]
    assert reader.resolve("abcf", 10) == [ids[1]]
    assert reader.resolve("abc", 1) == [ids[1]]
    assert reader.resolve(ids[2], 10) == [ids[2]]
    assert reader.resolve("ffff", 10) == []


def test_searches_narrow_and_order(store: Store, reader: Reader) -> None:
    for number, (service, took, failed) in enumerate([("a", 5, False), ("b", 9, True), ("a", 7, True)]):
        recording = Recording(10**18 + number * 10**9)
        root = recording.span(f"GET /{service}", 0, took, service=service, kind="server", error=failed)
        recording.span("inner", 1, 2, root, service="inner", colour="red", number=number)
        store.add(recording.spans)

    def names(**changes: object) -> list[str]:
        found = reader.search(Query(0, 2**62, **changes))  # type: ignore[arg-type]
        return [f"{summary.root_name} {summary.duration_ns // 10**6}" for summary in found]

    assert names() == ["GET /a 7", "GET /b 9", "GET /a 5"]
    assert names(slowest_first=True, limit=2) == ["GET /b 9", "GET /a 7"]
    assert names(errors_only=True) == ["GET /a 7", "GET /b 9"]
    assert names(service="a") == ["GET /a 7", "GET /a 5"]
    assert names(service="inner", errors_only=True) == []
    assert names(operation="inner", attributes={"colour": "red", "number": "2"}) == ["GET /a 7"]
    assert names(attributes={"service.name": "inner"}, limit=1) == ["GET /a 7"]
    assert names(operation="GET /a", attributes={"colour": "red"}) == []
    assert names(duration_min_ns=6 * 10**6, duration_max_ns=8 * 10**6) == ["GET /a 7"]
    assert names(root_kind="consumer") == []
    window = Query(10**18 + 10**9, 10**18 + 2 * 10**9)
    assert [summary.root_name for summary in reader.search(window)] == ["GET /b"]


def test_readers_see_whole_batches_while_writing_goes_on(store: Store, path: Path) -> None:
    failures: list[str] = []
    done = threading.Event()

    def read() -> None:
        beside = Reader.open(path)
        while not done.is_set():
            for summary in beside.search(EVER):
                trace = beside.fetch(summary.trace_id)
                if trace is None or len(trace.spans) != 16 or summary.spans != 16:
                    failures.append(f"{summary.trace_id} was seen half")
        beside.close()

    threads = [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in range(150):
        store.add(record_login().spans)
    done.set()
    for thread in threads:
        thread.join(10)
    assert failures == []


def test_the_oldest_traces_leave_when_the_file_is_full(make_store: Callable[..., Store], path: Path) -> None:
    store = make_store(Limits(size_bytes=2_000_000))
    logins = [record_login() for _ in range(700)]
    for login in logins:
        store.add(login.spans)
    store.evict()
    reader = Reader.open(path)
    kept = {summary.trace_id for summary in reader.search(EVER)}
    reader.close()
    assert 0 < len(kept) < len(logins)
    assert kept == {login.trace_id for login in logins[-len(kept) :]}


def test_traces_leave_when_they_are_old(make_store: Callable[..., Store], path: Path) -> None:
    now = 10**18
    store = make_store(Limits(age_s=60), clock=lambda: now)
    old, new = record_login(now), record_login(now)
    store.add(old.spans)
    now += 50 * 10**9
    store.add(new.spans)
    now += 20 * 10**9
    assert store.evict() == 1
    reader = Reader.open(path)
    assert only(reader.search(EVER)).trace_id == new.trace_id
    assert reader.fetch(old.trace_id) is None
    reader.close()


def test_an_endless_trace_is_cut_and_the_loss_remembered(make_store: Callable[..., Store], path: Path) -> None:
    store = make_store(Limits(trace_spans=10))
    login = record_login()
    assert store.add(login.spans) == {login.trace_id: 6}
    reader = Reader.open(path)
    trace = reader.fetch(login.trace_id)
    reader.close()
    assert trace is not None
    assert (len(trace.spans), trace.rejected) == (10, 6)


@pytest.mark.parametrize(
    "content", [b"this is no database at all, but someone's notes" * 100, b"SQLite format 3\0" + b"\xff" * 4096]
)
def test_a_damaged_file_is_set_aside_untouched(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    warnings: list[str] = []
    store = Store.open(path, warn=warnings.append)
    store.add(record_login().spans)
    store.close()
    (kept,) = path.parent.glob("traces.db.set-aside-*")
    assert kept.read_bytes() == content
    assert kept.name in warnings[0]


def test_another_programs_database_is_set_aside_untouched(path: Path) -> None:
    foreign = sqlite3.connect(path)
    foreign.execute("CREATE TABLE notes (text)")
    foreign.execute("INSERT INTO notes VALUES ('keep me')")
    foreign.commit()
    foreign.close()
    warnings: list[str] = []
    Store.open(path, warn=warnings.append).close()
    assert "another program" in warnings[0]
    (kept,) = path.parent.glob("traces.db.set-aside-*")
    kept_connection = sqlite3.connect(kept)
    assert kept_connection.execute("SELECT text FROM notes").fetchone() == ("keep me",)
    kept_connection.close()


def test_a_store_of_a_newer_version_is_not_read(path: Path, store: Store) -> None:
    store.connection.execute("PRAGMA user_version = 99")
    with pytest.raises(ForeignStoreError, match="version 99"):
        Reader.open(path)


def test_the_store_can_be_read_after_its_writer_has_gone(workspace: Workspace) -> None:
    login = record_login()
    with run_telemetry(workspace) as telemetry:
        telemetry.send(login)
    reader = Reader.open(workspace.store)
    assert reader.resolve(login.trace_id[:8], 5) == [login.trace_id]
    reader.close()


def test_only_the_owner_can_read_the_store(telemetry: Telemetry) -> None:
    assert telemetry.workspace.store.stat().st_mode & 0o777 == 0o600
