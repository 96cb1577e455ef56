"""Reading logs: order, ends, filters, and lines that are not what they should be."""

from __future__ import annotations

import json
import os
import random
import threading
import time
from typing import TYPE_CHECKING

import pytest

from autional_cli.errors import AutionalError
from autional_cli.telemetry import logs
from autional_cli.telemetry.log_follow import follow
from autional_cli.telemetry.log_format import format_entry
from autional_cli.telemetry.log_index import index_directory, read_trace
from autional_cli.telemetry.log_lines import Entry, format_timestamp, parse, read_backward, read_forward
from autional_cli.telemetry.palette import Palette
from autional_cli.telemetry.reader import Reader
from autional_cli.telemetry.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from .process import Workspace

START = 1_795_000_000.0


def events(entries: object) -> list[str]:
    return [entry.event for entry in entries]  # type: ignore[attr-defined]


@pytest.fixture
def many(workspace: Workspace) -> Workspace:
    """Three services with a thousand lines in all, interleaved in time."""
    generator = random.Random(7)
    for number in range(1000):
        unit = generator.choice(("identity", "session-0", "session-1"))
        level = "error" if number % 100 == 0 else "debug" if number % 3 == 0 else "info"
        workspace.log(unit, f"event {number}", START + number, level=level, trace_id=f"{number % 10:032x}", size=number)
    return workspace


def read(workspace: Workspace, *units: str, count: int | None = None, **filters: str) -> list[str]:
    files = logs.list_files(workspace.logs, units)
    selection = logs.compile_selection(**filters)
    if count is None:
        return events(logs.scan(files, selection))
    return events(logs.tail(logs.measure(files), count, selection))


def test_all_services_are_one_stream_in_order(many: Workspace) -> None:
    assert read(many) == [f"event {number}" for number in range(1000)]
    assert read(many, count=5000) == read(many)


def test_the_newest_lines_are_read_from_the_end(many: Workspace) -> None:
    assert read(many, count=3) == ["event 997", "event 998", "event 999"]
    assert read(many, count=0) == []
    assert read(many, count=2, level="error") == ["event 800", "event 900"]


def test_a_service_includes_its_replicas(many: Workspace) -> None:
    both = read(many, "session")
    assert sorted(both) == sorted(read(many, "session-0") + read(many, "session-1"))
    assert sorted(read(many, "identity", "session")) == sorted(read(many))


def test_since_skips_what_is_older(many: Workspace) -> None:
    since = format_timestamp(START + 990)
    assert read(many, since=since) == [f"event {number}" for number in range(990, 1000)]
    assert read(many, since=since, count=500) == read(many, since=since)


def test_filters_narrow(many: Workspace) -> None:
    assert read(many, level="error") == [f"event {number}" for number in range(0, 1000, 100)]
    assert read(many, grep=r"event 99\d$") == [f"event {number}" for number in range(990, 1000)]
    assert read(many, grep="size=123$") == ["event 123"]
    assert len(read(many, trace="0" * 31 + "3")) == 100


def test_an_unknown_service_is_named_with_a_suggestion(many: Workspace) -> None:
    with pytest.raises(AutionalError, match="'idenity'") as caught:
        read(many, "idenity")
    assert caught.value.hint == "did you mean 'identity'?"


@pytest.mark.parametrize("filters", [{"level": "loud"}, {"grep": "("}, {"trace": "xyz"}])
def test_wrong_filters_are_usage_errors(filters: dict[str, str]) -> None:
    with pytest.raises(AutionalError):
        logs.compile_selection(**filters)


def test_both_directions_agree_at_every_block_boundary(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    generator = random.Random(3)
    with path.open("w") as file:
        for number in range(400):
            padding = "x" * generator.choice((0, 10, 1000, 65_536))
            line = {"timestamp": format_timestamp(START + number), "event": f"{number}", "padding": padding}
            file.write(json.dumps(line) + "\n")
    forward = events(read_forward(path))
    assert forward == [str(number) for number in range(400)]
    assert events(read_backward(path))[::-1] == forward
    for number in (0, 1, 200, 399):
        assert events(read_forward(path, since=format_timestamp(START + number)))[0] == str(number)


def test_lines_that_are_not_json_are_shown_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    good = json.dumps({"timestamp": format_timestamp(START), "event": "good"})
    path.write_bytes(
        good.encode() + b'\n\n{"timestamp": "2026\nnot json \xff\n[1]\n' + b"y" * 3_000_000 + b"\n" + good.encode()
    )
    for entries in (list(read_forward(path)), list(read_backward(path))[::-1]):
        shown = events(entries)
        assert shown[:4] == ["good", '{"timestamp": "2026', "not json \ufffd", "[1]"]
        assert shown[-1] == "good"
        assert max(map(len, shown)) <= 1024 * 1024


def test_a_program_without_structured_logs_is_read_from_its_output(workspace: Workspace) -> None:
    workspace.logs.mkdir(parents=True)
    (workspace.logs / "postgres.out").write_text(
        "2026-11-22 05:42:10.123 UTC [7] LOG:  ready\nDETAIL: more\n2026-11-22 05:42:11.000 UTC [7] LOG:  done\n"
    )
    files = logs.list_files(workspace.logs, ["postgres"])
    entries = list(logs.scan(files, logs.Selection()))
    assert [entry.timestamp for entry in entries] == ["2026-11-22T05:42:10.123Z"] * 2 + ["2026-11-22T05:42:11.000Z"]
    assert logs.list_files(workspace.logs) == []


def test_mail_is_an_event_like_any_other() -> None:
    mail = {"timestamp": format_timestamp(START), "level": "info", "service": "mailbox", "event": "mail"}
    line = json.dumps(
        mail | {"from": "a@x", "to": ["b@x", "c@x"], "subject": "Hello there", "text": "Line 1\nLine 2\n"}
    )
    text = format_entry(parse(line.encode(), "mailbox", ""), Palette(False), 8)
    head, *body = text.splitlines()
    assert head.endswith('mailbox  info     mail from=a@x to=b@x,c@x subject="Hello there"')
    assert body == ["    Line 1", "    Line 2"]


def test_control_characters_do_not_reach_the_terminal() -> None:
    entry = Entry("x", "bad\x1b]0;", "in\x1bfo", "a\x1b[2Jb\r\nc", {"k\x07": "v\x9b1m", "exception": "1\n\x1b[31m2"})
    text = format_entry(entry, Palette(False), 4)
    assert not any((ord(character) < 32 and character != "\n") or ord(character) in (0x7F, 0x9B) for character in text)


class Follower:
    """Follows logs on a thread and lets a test wait for a number of entries."""

    def __init__(self, workspace: Workspace, *units: str) -> None:
        self.entries: list[Entry] = []
        self.changed = threading.Condition()
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.run, args=(workspace, units))
        self.thread.start()

    def run(self, workspace: Workspace, units: tuple[str, ...]) -> None:
        selection = logs.Selection()

        def begin(ends: dict[Path, int]) -> Iterator[Entry]:
            return iter(logs.tail(ends, 1, selection))

        for entry in follow(workspace.logs, units, begin, selection, self.stop):
            with self.changed:
                self.entries.append(entry)
                self.changed.notify_all()

    def wait_for(self, *expected: str) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.entries) >= len(expected), 10), events(self.entries)
        assert events(self.entries) == list(expected)

    def close(self) -> None:
        self.stop.set()
        self.thread.join(10)


@pytest.fixture
def start_follower() -> Iterator[Callable[..., Follower]]:
    started: list[Follower] = []

    def start(workspace: Workspace, *units: str) -> Follower:
        started.append(Follower(workspace, *units))
        return started[-1]

    yield start
    for follower in started:
        follower.close()


def test_following_goes_on_with_every_file_new_ones_too(
    workspace: Workspace, start_follower: Callable[..., Follower]
) -> None:
    workspace.log("a", "old", START)
    workspace.log("a", "last", START + 1)
    follower = start_follower(workspace)
    follower.wait_for("last")
    workspace.log("a", "1", START + 2)
    follower.wait_for("last", "1")
    workspace.log("b", "2", START + 3)
    follower.wait_for("last", "1", "2")
    with (workspace.logs / "a.jsonl").open("a") as file:
        file.write('{"event": "3", "timest')
        file.flush()
        workspace.log("b", "4", START + 5)
        follower.wait_for("last", "1", "2", "4")
        file.write('amp": "2026-11-22T00:00:00Z"}\n')
    follower.wait_for("last", "1", "2", "4", "3")
    (workspace.logs / "a.jsonl").write_text("")
    workspace.log("a", "after truncation", START + 6)
    follower.wait_for("last", "1", "2", "4", "3", "after truncation")


TRACE, OTHER = "a" * 32, "b" * 32


@pytest.fixture
def store(workspace: Workspace) -> Iterator[Store]:
    opened = Store.open(workspace.store, warn=pytest.fail)
    yield opened
    opened.close()


def find(workspace: Workspace, trace_id: str = TRACE) -> list[str]:
    reader = Reader.open(workspace.store)
    try:
        return events(read_trace(workspace.logs, trace_id, reader))
    finally:
        reader.close()


def test_the_index_finds_the_lines_of_a_trace_and_what_it_does_not_cover_yet(
    workspace: Workspace, store: Store
) -> None:
    workspace.log("b", "2", START + 2, trace_id=TRACE)
    workspace.log("a", "1", START + 1, trace_id=TRACE)
    workspace.log("a", "x", START + 1, trace_id=OTHER)
    assert index_directory(store.connection, workspace.logs) == 3
    assert index_directory(store.connection, workspace.logs) == 0
    workspace.log("a", "3", START + 3, trace_id=TRACE)
    workspace.log("c", "4", START + 4, trace_id=TRACE)
    assert find(workspace) == ["1", "2", "3", "4"]
    assert index_directory(store.connection, workspace.logs) == 2
    assert find(workspace) == ["1", "2", "3", "4"]
    assert events(read_trace(workspace.logs, TRACE, None)) == ["1", "2", "3", "4"]


def test_a_line_that_is_indexed_in_the_middle_of_a_lookup_is_found_once(workspace: Workspace, store: Store) -> None:
    class Slow(Reader):
        """Between its two queries the index goes on."""

        def log_lines(self, trace_id: str) -> list[tuple[str, int, int]]:
            index_directory(store.connection, workspace.logs)
            return super().log_lines(trace_id)

    workspace.log("a", "1", START + 1, trace_id=TRACE)
    index_directory(store.connection, workspace.logs)
    workspace.log("a", "2", START + 2, trace_id=TRACE)
    workspace.log("b", "3", START + 3, trace_id=TRACE)
    reader = Slow.open(workspace.store)
    try:
        assert events(read_trace(workspace.logs, TRACE, reader)) == ["1", "2", "3"]
    finally:
        reader.close()


def test_the_index_notices_truncated_and_replaced_files(workspace: Workspace, store: Store) -> None:
    for number in range(5):
        workspace.log("a", f"old {number}", START + number, trace_id=TRACE)
    index_directory(store.connection, workspace.logs)
    (workspace.logs / "a.jsonl").unlink()
    workspace.log("a", "new", START, trace_id=TRACE)
    assert find(workspace) == ["new"]
    index_directory(store.connection, workspace.logs)
    assert find(workspace) == ["new"]
    os.truncate(workspace.logs / "a.jsonl", 0)
    assert find(workspace) == []
    index_directory(store.connection, workspace.logs)
    assert find(workspace) == []


def test_a_half_written_line_is_indexed_once_it_is_whole(workspace: Workspace, store: Store) -> None:
    workspace.log("a", "1", START, trace_id=TRACE)
    with (workspace.logs / "a.jsonl").open("a") as file:
        file.write(f'{{"event": "2", "trace_id": "{TRACE}", ')
        file.flush()
        assert index_directory(store.connection, workspace.logs) == 1
        file.write(f'"timestamp": "{format_timestamp(time.time())}"}}\n')
    assert index_directory(store.connection, workspace.logs) == 1
    assert find(workspace) == ["1", "2"]
