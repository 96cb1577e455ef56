"""Trace context (W3C), and how consumers continue it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from services.chassis.events import process_span, send_span
from services.chassis.tracing import current_trace_id, parse_traceparent, remote_context, span, traceparent
from tests.chassis.events import event

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"


@pytest.mark.parametrize(
    "header",
    [
        f"00-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-00",
        f"00-{TRACE}-{SPAN}-ff",
        f"01-{TRACE}-{SPAN}-01",
        f"cc-{TRACE}-{SPAN}-01-what-the-future-will-be-like",
    ],
)
def test_a_valid_traceparent_is_read(header: str) -> None:
    context = parse_traceparent(header)
    assert context is not None
    assert (f"{context.trace_id:032x}", f"{context.span_id:016x}") == (TRACE, SPAN)
    assert context.is_remote


# The cases of the W3C's own test suite that concern this header.
@pytest.mark.parametrize(
    "header",
    [
        "",
        "00",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN.upper()}-01",
        f"00-{TRACE}-{SPAN}-01-extra",
        f"00-{TRACE}-{SPAN}-01-",
        f"00-{TRACE[1:]}-{SPAN}-01",
        f"00-{TRACE}0-{SPAN}-01",
        f"00-{TRACE}-{SPAN[1:]}-01",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE}-{SPAN}-0x",
        f"0-{TRACE}-{SPAN}-01",
        f"000-{TRACE}-{SPAN}-01",
        f".0-{TRACE}-{SPAN}-01",
        f"00-{TRACE[:-1]}.-{SPAN}-01",
        f"00-{TRACE}-{SPAN[:-1]}.-01",
        f"00-{TRACE}-{SPAN}-.1",
        f"cc-{TRACE}-{SPAN}-01what",
        f" 00-{TRACE}-{SPAN}-01",
    ],
)
def test_an_invalid_traceparent_begins_a_trace_of_its_own(header: str) -> None:
    assert parse_traceparent(header) is None


@given(st.text())
def test_no_traceparent_whatsoever_raises(header: str) -> None:
    parse_traceparent(header)


def test_what_is_written_is_read_again(spans: InMemorySpanExporter) -> None:
    assert (traceparent(), current_trace_id()) == ("", "")
    with span("outer", SpanKind.SERVER, {}, parent=remote_context(f"00-{TRACE}-{SPAN}-01")) as outer:
        assert current_trace_id() == TRACE
        read = parse_traceparent(traceparent())
        assert read is not None
        assert read.span_id == outer.get_span_context().span_id


def test_a_failed_block_marks_its_span_and_the_error_goes_on(spans: InMemorySpanExporter) -> None:
    with pytest.raises(KeyError), span("work", SpanKind.INTERNAL, {}):
        raise KeyError("missing")
    [failed] = spans.get_finished_spans()
    assert not failed.status.is_ok
    assert failed.attributes is not None
    assert failed.attributes["error.type"] == "KeyError"


def test_a_consumer_continues_its_producer_and_links_to_it(spans: InMemorySpanExporter) -> None:
    parent = f"00-{TRACE}-{SPAN}-01"
    sent = send_span("thing.happened", "id", parent)
    with process_span(event("a", traceparent=sent), "probe", 2):
        pass
    producer, consumer = spans.get_finished_spans()
    assert (producer.name, producer.kind) == ("send thing.happened", SpanKind.PRODUCER)
    assert (consumer.name, consumer.kind) == ("process thing.happened", SpanKind.CONSUMER)
    assert producer.context is not None
    assert producer.parent is not None
    assert consumer.parent is not None
    assert f"{producer.parent.span_id:016x}" == SPAN
    assert consumer.parent.span_id == producer.context.span_id
    assert [link.context.span_id for link in consumer.links] == [producer.context.span_id]
    assert consumer.attributes is not None
    assert consumer.attributes["autional.delivery_attempt"] == 2
    assert consumer.attributes["messaging.consumer.group.name"] == "probe"


def test_an_event_without_a_trace_begins_one(spans: InMemorySpanExporter) -> None:
    with process_span(event("a", traceparent="nonsense"), "probe", 1):
        pass
    [consumer] = spans.get_finished_spans()
    assert consumer.parent is None
    assert not consumer.links
