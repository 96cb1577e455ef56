"""Log lines: their shape, the trace they belong to, and what never gets into them."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import structlog
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from services.chassis.logging import SharedFileHandler, configure_logging, get_logger
from services.chassis.printed import logged_prints
from services.chassis.settings import Settings
from services.chassis.tracing import span


class Log:
    """The log file of a service, one logged line at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def lines(self) -> list[dict[str, Any]]:
        return [orjson.loads(line) for line in self.path.read_text().splitlines()]

    def last(self) -> dict[str, Any]:
        return self.lines()[-1]


@pytest.fixture
def log(settings: Settings, tmp_path: Path) -> Iterator[Log]:
    before, root = structlog.get_config(), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    path = tmp_path / "probe.jsonl"
    configure_logging(settings.model_copy(update={"log_file": path}))
    yield Log(path)
    for handler in root.handlers:
        handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**before)


def logger() -> Any:
    return get_logger("services.probe.things").bind()


def test_a_line_says_when_what_where_and_who(log: Log) -> None:
    logger().warning("it happened", size=3)
    line = log.last()
    timestamp = line.pop("timestamp")
    assert timestamp.endswith("Z")
    assert len(timestamp) == len("2026-11-22T07:00:00.000000Z")
    assert line == {
        "level": "warning",
        "logger": "services.probe.things",
        "service": "probe",
        "instance": "probe-0",
        "event": "it happened",
        "size": 3,
    }


def test_a_line_inside_a_span_carries_its_ids(log: Log, spans: InMemorySpanExporter) -> None:
    with span("work", SpanKind.INTERNAL, {}) as work:
        logger().info("inside")
    context = work.get_span_context()
    assert log.last()["trace_id"] == f"{context.trace_id:032x}"
    assert log.last()["span_id"] == f"{context.span_id:016x}"
    logger().info("outside")
    assert "trace_id" not in log.last()


def test_values_under_telling_keys_are_replaced_however_deep(log: Log) -> None:
    hidden = "hunter2"
    logger().info(
        "request",
        password=hidden,
        access_token=hidden,
        headers={"Authorization": hidden, "accept": "shown"},
        attempts=[{"otp": hidden}, ("shown", {"recovery_code": hidden})],
    )
    assert hidden not in log.path.read_text()
    assert log.last()["headers"] == {"Authorization": "[redacted]", "accept": "shown"}


def test_an_exception_is_one_line_with_its_trace_back(log: Log) -> None:
    try:
        int("no number")
    except ValueError:
        logger().exception("failed")
    assert "ValueError: invalid literal" in log.last()["exception"]
    assert log.last()["level"] == "error"


def test_lines_of_libraries_have_the_same_shape(log: Log) -> None:
    logging.getLogger("some.library").warning("it says %s", "so")
    assert (log.last()["event"], log.last()["service"]) == ("it says so", "probe")


@pytest.mark.parametrize("value", ["\ud800", 2**70, {1: "a"}, {("a",): 1}, object(), b"\xff", float("nan"), "a\nb"])
def test_no_value_breaks_a_line_or_loses_it(log: Log, value: object) -> None:
    logger().info("odd", value=value)
    assert len(log.lines()) == 1
    assert log.last()["event"] == "odd"


def test_a_predecessor_and_its_successor_rotate_their_log_without_losing_a_line(tmp_path: Path) -> None:
    path = tmp_path / "probe.jsonl"
    old, new = (SharedFileHandler(path, maxBytes=1000, backupCount=1, encoding="utf-8") for _ in range(2))
    for number in range(12):  # 1200 bytes in all: the first that comes to the limit rotates, the other follows it
        for handler in (old, new):
            handler.emit(logging.makeLogRecord({"msg": f"{number:02} {id(handler):>20}".ljust(49)}))
    written = (tmp_path / "probe.jsonl.1").read_text() + path.read_text()
    assert len(written.splitlines()) == 24
    path.unlink()
    old.emit(logging.makeLogRecord({"msg": "goes on"}))
    assert path.read_text() == "goes on\n"
    for handler in (old, new):
        handler.close()


def test_what_is_printed_is_logged_line_by_line_with_its_trace(log: Log) -> None:
    with logged_prints(), span("GET /v1/things", SpanKind.SERVER, {}) as current:
        print("first\nsecond", end="")
        print(" half")
        sys.stderr.write("not ended")
        trace_id = f"{current.get_span_context().trace_id:032x}"
        before = len(log.lines())
    first, second, third = log.lines()
    assert before == 2
    assert [line["event"] for line in (first, second, third)] == ["first", "second half", "not ended"]
    assert {first["trace_id"], second["trace_id"]} == {trace_id}
    assert [(line["stream"], line["level"]) for line in (first, third)] == [("stdout", "info"), ("stderr", "warning")]


def test_a_log_that_cannot_be_written_does_not_swallow_what_is_printed(log: Log, capfd: Any) -> None:
    handler = logging.getLogger().handlers[0]
    handler.setFormatter(logging.Formatter("%(nothing)s"))  # every line fails, and the library says so on stderr
    with logged_prints():
        print("hello")
    assert "hello" in capfd.readouterr().err
