"""The spans of a trace as a tree, on one clock.

Times of nodes are nanoseconds after the start of the trace. A node is *asynchronous* when its parent did not wait for
it: a message being processed, or work of the same process that begins or ends after the parent ended. Everything else
is *waited for*. It lies within its parent, except that another process may *run on* after its caller went away.

What senders get wrong is told, not hidden (completeness.py): ids used twice, circles of parents, impossible times.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from autional_cli.telemetry.model import Span

CLOCK_TOLERANCE_NS = 100_000  # processes of one machine read one clock, but not at the same instant
LATEST = 2**63
OVERRUN_TOLERANCE_NS = 1_000_000  # a child may be closed just after its parent without being asynchronous


@dataclass(slots=True, eq=False, repr=False)
class Node:
    """A span in its place.

    `start` and `end` are within the parent, where it must be; `skew` was added to the recorded times; `cause` is the
    span that set off an asynchronous one: its parent, or one that it links to. `runs_on`: served on after its caller
    went away. `circle`: its parents lead back to it. `shared`: other spans have the same id.
    """

    span: Span
    start: int
    end: int
    depth: int = 0
    parent: Node | None = None
    cause: Node | None = None
    children: list[Node] = field(default_factory=list)
    asynchronous: bool = False
    orphan: bool = False
    runs_on: bool = False
    circle: bool = False
    shared: bool = False
    skew: int = 0
    self_ns: int = 0

    @property
    def duration(self) -> int:
        return self.end - self.start

    @property
    def waited_for(self) -> list[Node]:
        """The children that this node's own time includes."""
        return [child for child in self.children if not child.asynchronous]


@dataclass(slots=True, eq=False, repr=False)
class Tree:
    """All nodes of a trace, parents before children. `primary` is the root of the request."""

    start_ns: int
    nodes: list[Node]
    roots: list[Node]
    primary: Node

    @property
    def end(self) -> int:
        """When the last span ended."""
        return max(node.end for node in self.nodes)


def build(spans: Iterable[Span]) -> Tree:
    """Build the tree of at least one span."""
    by_id: dict[str, list[Node]] = {}
    for span in sorted(spans, key=lambda span: (span.first_ns, -span.last_ns)):
        by_id.setdefault(span.span_id, []).append(Node(span, span.first_ns, span.last_ns))
    roots = connect(by_id)
    nodes = list(walk(roots))
    true_roots = [root for root in roots if not root.orphan and root.cause is None]
    primary = min(true_roots or roots, key=lambda node: node.span.first_ns or LATEST)
    earliest = min((node.start for node in nodes if node.start), default=0)
    for node in nodes:
        if not node.start:  # neither start nor end: it was there when its parent began
            node.start = node.end = node.parent.start if node.parent else earliest
        place(node)
    start_ns = min(node.start for node in nodes)
    for node in nodes:
        node.start -= start_ns
        node.end -= start_ns
    for node in nodes:
        node.self_ns = node.duration - covered(node)
    return Tree(start_ns, nodes, roots, primary)


def connect(by_id: dict[str, list[Node]]) -> list[Node]:
    """Link parents and children and return the roots; a span whose parent is missing is an orphan and a root too."""
    roots = []
    for node in (node for nodes in by_id.values() for node in nodes):
        node.shared = len(by_id[node.span.span_id]) > 1
        parent = find_parent(node, by_id)
        if parent is None:
            node.orphan = node.span.parent_id is not None
            node.circle = node.span.parent_id == node.span.span_id
            node.cause = find_linked(node, by_id)
            roots.append(node)
        else:
            node.parent = parent
            parent.children.append(node)
    reached = {id(node) for node in walk(roots)}
    for node in (node for nodes in by_id.values() for node in nodes):
        if id(node) not in reached:  # spans that are each other's ancestors: cut the circle at its earliest
            assert node.parent is not None
            node.parent.children.remove(node)
            node.parent, node.orphan, node.circle = None, True, True
            roots.append(node)
            reached.update(id(member) for member in walk([node]))
    return roots


def find_parent(node: Node, by_id: dict[str, list[Node]]) -> Node | None:
    """Return the parent of a node among the spans with the id that it names.

    A server may have the id of its client (Zipkin, B3): then the client is its parent. Of several spans with one id,
    the server in the same process comes first, then any in it, then a server: what Jaeger's adjuster does as well.
    """
    if node.span.kind == "server":
        clients = [other for other in by_id[node.span.span_id] if other.span.kind == "client" and other is not node]
        if clients:
            return min(clients, key=lambda other: abs(other.start - node.start))
    named = by_id.get(node.span.parent_id or "", ())
    candidates = [other for other in named if other is not node]
    if not candidates:
        return None
    if node.span.kind == "server":  # its caller
        return min(candidates, key=lambda other: (other.span.kind != "client", abs(other.start - node.start)))
    return min(
        candidates, key=lambda other: (not same_clock(other.span, node.span), other.span.kind != "server", other.start)
    )


def find_linked(node: Node, by_id: dict[str, list[Node]]) -> Node | None:
    """Return the span of this trace that a span without a parent links to."""
    linked = (
        other
        for link in node.span.links
        if link.trace_id == node.span.trace_id
        for other in by_id.get(link.span_id, ())
    )
    return next((other for other in linked if other is not node), None)


def walk(roots: Iterable[Node]) -> Iterator[Node]:
    """Yield nodes depth first, by start, and set their depth."""
    stack = [(root, 0) for root in roots][::-1]
    while stack:
        node, depth = stack.pop()
        node.depth = depth
        yield node
        stack.extend((child, depth + 1) for child in reversed(node.children))


def place(node: Node) -> None:
    """Correct, classify and clip a node whose parent is placed already."""
    parent = node.parent
    if parent is None:
        node.asynchronous = node.cause is not None
        return
    node.skew = parent.skew if same_clock(node.span, parent.span) else estimate_skew(node, parent)
    node.start += node.skew
    node.end += node.skew
    node.asynchronous = is_asynchronous(node, parent)
    if node.asynchronous:
        node.cause = parent
        node.start = max(node.start, parent.start)
        node.end = max(node.end, node.start)
    else:
        node.start = min(max(node.start, parent.start), parent.end)
        node.runs_on = node.end > parent.end + OVERRUN_TOLERANCE_NS and not same_clock(node.span, parent.span)
        node.end = max(node.end, node.start)
        if not node.runs_on:
            node.end = min(node.end, parent.end)


def same_clock(span: Span, other: Span) -> bool:
    """Tell whether two spans were timed by one process."""
    return span.source.service == other.source.service and span.source.instance == other.source.instance


def estimate_skew(node: Node, parent: Node) -> int:
    """Return what to add to a child's times because its clock differs from its parent's; 0 when nothing is impossible.

    A child cannot begin before its parent, and a call cannot be served after its caller has the answer. The child is
    then centred in the parent, as Jaeger's clock-skew adjuster does, or begins with it when it is longer.
    """
    span = node.span
    if not span.start_ns:
        return 0
    early = span.start_ns < parent.start - CLOCK_TOLERANCE_NS
    late = span.kind == "server" and parent.span.kind == "client" and span.start_ns > parent.end + CLOCK_TOLERANCE_NS
    if not early and not late:
        return 0
    is_message = span.kind == "consumer"
    room = 0 if is_message else max(0, parent.end - parent.start - span.duration_ns)
    return parent.start + room // 2 - span.start_ns


def is_asynchronous(node: Node, parent: Node) -> bool:
    """Tell whether the parent did not wait for a child (both on one clock by now)."""
    if node.span.kind == "consumer" or node.start > parent.end:
        return True
    if not same_clock(node.span, parent.span):
        return False  # a caller that went away before the answer: the call runs on
    tolerance = 0 if node.span.kind == "producer" else OVERRUN_TOLERANCE_NS
    return node.end > parent.end + tolerance


def covered(node: Node) -> int:
    """Return how long at least one waited-for child was running."""
    total, reached = 0, node.start
    for child in sorted(node.waited_for, key=lambda child: child.start):
        end = min(child.end, node.end)
        if end > reached:
            total += end - max(child.start, reached)
            reached = end
    return total
