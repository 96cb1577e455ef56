"""When a trace is taken to be whole in a store that does not say when spans came."""

from __future__ import annotations

import time

from autional_cli.telemetry.model import Trace
from autional_cli.telemetry.selection import LONG_AGO_NS, Quiet

from .recording import Recording


def ended(ago_ns: int, spans: int = 1, received_ns: int | None = None) -> Trace:
    """Return a trace whose last span ended so long ago."""
    recording = Recording(time.time_ns() - ago_ns - spans * 1_000_000)
    for number in range(spans):
        recording.span(f"GET /{number}", number, number + 1, kind="server")
    trace = recording.trace()
    return Trace(trace.trace_id, trace.spans, received_ns=received_ns)


def test_a_trace_of_this_moment_may_still_grow() -> None:
    """Two looks in one moment say nothing: a service keeps its spans for a while."""
    quiet = Quiet()
    assert [quiet.seen(ended(0)), quiet.seen(ended(0))] == [False, False]


def test_what_is_long_over_needs_no_second_look() -> None:
    assert Quiet().seen(ended(LONG_AGO_NS))


def test_a_store_that_knows_when_spans_came_is_believed() -> None:
    assert Quiet().seen(ended(0, received_ns=time.time_ns()))


def test_growth_begins_the_wait_again() -> None:
    quiet = Quiet()
    assert not quiet.seen(ended(0))
    while not quiet.seen(ended(0)):  # ends with the time that exports take
        time.sleep(0.02)
    assert not quiet.seen(ended(0, spans=2))
