"""Whether a picture of a trace may be trusted: what is missing, still to come, or measured by another clock."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, NamedTuple

from autional_cli.telemetry.gaps import message_name
from autional_cli.telemetry.moments import format_duration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from autional_cli.telemetry.model import Backend, Trace
    from autional_cli.telemetry.tree import Tree

QUIET_NS = 400_000_000  # two export intervals of our services (OTEL_BSP_SCHEDULE_DELAY=200)
RECENT_NS = 15 * 60 * 10**9  # a service that processed such a message this long before is expected to do it again
PATIENCE_NS = 60 * 10**9  # after that a message that nobody processed is no longer "still to come"

CUT = {
    "attributes": "attributes left out: {}",
    "events": "events left out: {}",
    "links": "links left out: {}",
    "values": "texts shortened: {}",
}


class Problem(NamedTuple):
    """A reason for doubt. `blocking` ones mean that the trace is not complete."""

    kind: str
    message: str
    blocking: bool = True


def judge(trace: Trace, tree: Tree, backend: Backend, now_ns: int) -> list[Problem]:
    """Return everything that speaks against the picture."""
    return [
        *find_missing_spans(trace, tree),
        *find_arriving(trace, now_ns),
        *find_unprocessed(tree, backend, now_ns),
        *find_skew(tree),
    ]


def find_missing_spans(trace: Trace, tree: Tree) -> Iterator[Problem]:
    """Yield spans that should be there: roots, parents, and what was dropped on the way."""
    if tree.primary.orphan:
        yield Problem("missing_root", "the root span is missing: the first span shown has a parent that is not here")
    orphans = [node for node in tree.roots if node.orphan and node is not tree.primary]
    if orphans:
        services = ", ".join(sorted({node.span.service for node in orphans}))
        yield Problem("orphans", f"{count(len(orphans), 'span')} of {services} without the parent they name")
    if trace.rejected:
        yield Problem(
            "dropped", f"{count(trace.rejected, 'span')} refused on arrival: invalid, or too many in one trace"
        )
    dropped = sum(span.dropped for span in trace.spans)
    if dropped:
        yield Problem(
            "dropped_details",
            f"{count(dropped, 'attribute, event or link', 'attributes, events or links')} left out by the sender",
            blocking=False,
        )
    yield from find_cut(trace)
    roots = [node for node in tree.roots if not node.orphan and node.cause is None]
    if len(roots) > 1:
        yield Problem("several_roots", f"{len(roots)} spans without a parent share this trace id", False)


def find_cut(trace: Trace) -> Iterator[Problem]:
    """Yield what was cut off spans on arrival because it was beyond the limits."""
    cut: Counter[str] = Counter()
    for span in trace.spans:
        cut.update(span.cut)
    if cut:
        what = ", ".join(CUT.get(kind, kind).format(number) for kind, number in sorted(cut.items()))
        text = f"cut on arrival: {what} (limits of the stack file, under `telemetry:`)"
        yield Problem("cut", text, blocking=False)


def find_arriving(trace: Trace, now_ns: int) -> Iterator[Problem]:
    """Yield that spans came in a moment ago, so that more may follow."""
    if trace.received_ns is not None and 0 <= now_ns - trace.received_ns < QUIET_NS:
        ago = format_duration(now_ns - trace.received_ns)
        yield Problem("still_arriving", f"still arriving: the last spans came {ago} ago (--await waits for the rest)")


def find_unprocessed(tree: Tree, backend: Backend, now_ns: int) -> Iterator[Problem]:
    """Yield messages that a service which usually processes them has not processed."""
    processed: dict[str, set[str]] = defaultdict(set)
    for node in tree.nodes:
        if node.span.kind == "consumer":
            processed[message_name(node)].add(node.span.service)
    sent = {message_name(node): node for node in tree.nodes if node.span.kind == "producer" and not node.span.error}
    for message, node in sent.items():
        sent_ns = tree.start_ns + node.end
        expected = backend.consumers(message, sent_ns - RECENT_NS)
        missing = sorted(set(expected or ()) - processed[message])
        if missing:
            is_recent = now_ns - sent_ns < PATIENCE_NS
            state = "has not been processed yet" if is_recent else "was never processed"
            yield Problem("unprocessed", f"{message} {state} by {', '.join(missing)}", blocking=is_recent)


def find_skew(tree: Tree) -> Iterator[Problem]:
    """Yield the processes whose clock had to be corrected."""
    skews: dict[str, int] = {}
    for node in tree.nodes:
        if node.skew:
            skews.setdefault(node.span.service, node.skew)
    for service, skew in skews.items():
        direction = "behind" if skew > 0 else "ahead"
        text = f"the clock of {service} is about {format_duration(abs(skew))} {direction}; its spans were moved"
        yield Problem("clock_skew", text, blocking=False)


def count(number: int, one: str, many: str | None = None) -> str:
    """Write a number with its noun."""
    return f"{number} {one if number == 1 else many or one + 's'}"
