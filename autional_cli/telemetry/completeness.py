"""Whether a picture of a trace may be trusted: what is missing, still to come, or measured by another clock."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, NamedTuple

from autional_cli.telemetry.gaps import message_name
from autional_cli.telemetry.model import Query
from autional_cli.telemetry.moments import format_duration, format_instant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from autional_cli.telemetry.model import Backend, Span, Trace
    from autional_cli.telemetry.tree import Node, Tree

QUIET_NS = 400_000_000  # two export intervals of our services (OTEL_BSP_SCHEDULE_DELAY=200)
RECENT_NS = 15 * 60 * 10**9  # a service that processed such a message this long before is expected to do it again
PATIENCE_NS = 60 * 10**9  # after that a message that nobody processed is no longer "still to come"

CALLERS_NS = 24 * 3600 * 10**9  # around a trace, others are looked at for who calls whom;
CALLERS_LOOKED_AT = 50  # at most so many
FUTURE_NS = 60 * 10**9
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
        *find_missing_spans(trace, tree, backend),
        *find_shared_ids(tree),
        *find_impossible_times(tree, now_ns),
        *find_cut(trace),
        *find_arriving(trace, now_ns),
        *find_unprocessed(tree, backend, now_ns),
        *find_skew(tree),
    ]


def find_missing_spans(trace: Trace, tree: Tree, backend: Backend) -> Iterator[Problem]:
    """Yield spans that should be there: roots, parents, and what was dropped on the way."""
    circles = [node for node in tree.roots if node.circle]
    if circles:
        names = ", ".join(f"{node.span.service} {node.span.name}" for node in circles)
        yield Problem("circle", f"parents in a circle, which was cut at {names}: nobody began this")
    orphans = [node for node in tree.roots if node.orphan and not node.circle]
    called = called_from_outside(tree, backend)
    if called:
        first = called[0].span
        more = f" (and of {len(called) - 1} more)" if len(called) > 1 else ""
        parent = f"{first.parent_id}, the parent of {first.service} {first.name}{more}"
        text = f"the caller is outside: {parent}, was recorded elsewhere"
        yield Problem("outside_caller", text, blocking=False)
        orphans = [node for node in orphans if node not in called]
    elif tree.primary in orphans:
        yield Problem("missing_root", "the root span is missing: the first span shown has a parent that is not here")
        orphans.remove(tree.primary)
    if orphans:
        services = ", ".join(sorted({node.span.service for node in orphans}))
        yield Problem("orphans", f"{count(len(orphans), 'span')} of {services} without the parent they name")
    if trace.rejected:
        yield Problem(
            "dropped", f"{count(trace.rejected, 'span')} refused on arrival: invalid, or too many in one trace"
        )
    dropped = sum(span.dropped for span in trace.spans)
    if dropped:
        what = count(dropped, "attribute, event or link", "attributes, events or links")
        yield Problem("dropped_details", f"{what} left out by the sender", blocking=False)
    roots = [node for node in tree.roots if not node.orphan and node.cause is None]
    if len(roots) > 1:
        yield Problem("several_roots", f"{len(roots)} spans without a parent share this trace id", blocking=False)


def called_from_outside(tree: Tree, backend: Backend) -> list[Node]:
    """Return the spans that serve a request whose caller took part in the trace, but does not report to us.

    Those are servers whose parent is not here. They are none when the trace has a root, when other spans miss their
    parent too, or when the service is one that others here call: then it is rather the caller's span that is missing.
    """
    tops = [root for root in tree.roots if root.cause is None]
    if not all(root.orphan and not root.circle and root.span.kind == "server" for root in tops):
        return []
    services = {root.span.service for root in tops}
    return [] if any(is_called_here(service, tree, backend) for service in services) else tops


def is_called_here(service: str, tree: Tree, backend: Backend) -> bool:
    """Tell whether requests that began at another service have been seen to reach `service` about that time."""
    query = Query(max(0, tree.start_ns - CALLERS_NS), tree.start_ns + CALLERS_NS, service, limit=CALLERS_LOOKED_AT)
    return any(summary.has_root and summary.root_service != service for summary in backend.search(query))


def find_shared_ids(tree: Tree) -> Iterator[Problem]:
    """Yield that ids were used twice, which makes it uncertain who called whom."""
    shared = [node for node in tree.nodes if node.shared]
    paired: set[int] = set()
    for node in shared:
        if node.span.kind == "server" and node.parent and node.parent.span.span_id == node.span.span_id:
            paired |= {id(node), id(node.parent)}
    if paired:
        servers = count(len(paired) // 2, "server has", "servers have")
        text = f"{servers} the span id of the client, as Zipkin does; both are shown"
        yield Problem("shared_ids", text, blocking=False)
    others = [node.span for node in shared if id(node) not in paired]
    if others:
        names = ", ".join(dict.fromkeys(f"{span.service} {span.name}" for span in others))
        text = f"{len(others)} different spans share an id, so what is below them may belong to another: {names}"
        yield Problem("duplicate_ids", text, blocking=False)


def find_impossible_times(tree: Tree, now_ns: int) -> Iterator[Problem]:
    """Yield the spans whose times cannot be, with what was recorded."""
    wrong: dict[str, list[Span]] = defaultdict(list)
    for node in tree.nodes:
        if (what := misrecorded(node.span, now_ns)) is not None:
            wrong[what].append(node.span)
    for what, spans in wrong.items():
        first = spans[0]
        recorded = f"recorded start {first.start_ns} ({format_instant(first.start_ns)}), end {first.end_ns}"
        more = f"; and {count(len(spans) - 1, 'more span')}" if len(spans) > 1 else ""
        text = f"{first.service} {first.name} {what}: {recorded}{more}"
        yield Problem("impossible_times", text, blocking=False)


def misrecorded(span: Span, now_ns: int) -> str | None:
    """Say what is impossible about the times of a span."""
    if not span.start_ns:
        return "has no start" if span.end_ns else "has neither start nor end"
    if not span.end_ns:
        return "has no end"
    if span.end_ns < span.start_ns:
        return "ended before it began"
    return "lies in the future" if span.end_ns > now_ns + FUTURE_NS else None


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
