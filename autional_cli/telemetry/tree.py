"""The spans of a trace as a tree, on one clock.

Times of nodes are nanoseconds after the start of the trace. A node is *asynchronous* when its parent did not wait for
it: a message being processed, or work of the same process that begins or ends after the parent ended. Everything else
is *waited for* and clipped to its parent.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from autional_cli.telemetry.model import Span

CLOCK_TOLERANCE_NS = 100_000  # processes of one machine read one clock, but not at the same instant
OVERRUN_TOLERANCE_NS = 1_000_000  # a child may be closed just after its parent without being asynchronous


@dataclass(slots=True, eq=False, repr=False)
class Node:
    """A span in its place.

    `start` and `end` are clipped; `skew` was added to the recorded times; `cause` is the span that set off an
    asynchronous one: its parent, or one that it links to.
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
    """Build the tree of at least one span. A second span with the same id is ignored."""
    by_id: dict[str, Node] = {}
    for span in sorted(spans, key=lambda span: (span.start_ns, -span.end_ns)):
        by_id.setdefault(span.span_id, Node(span, span.start_ns, span.end_ns))
    roots = connect(by_id)
    nodes = list(walk(roots))
    true_roots = [root for root in roots if not root.orphan and root.cause is None]
    primary = min(true_roots or roots, key=lambda node: node.span.start_ns)
    for node in nodes:
        place(node)
    start_ns = min(node.start for node in nodes)
    for node in nodes:
        node.start -= start_ns
        node.end -= start_ns
    for node in nodes:
        node.self_ns = node.duration - covered(node)
    return Tree(start_ns, nodes, roots, primary)


def connect(by_id: dict[str, Node]) -> list[Node]:
    """Link parents and children and return the roots; a span whose parent is missing is an orphan and a root too."""
    roots = []
    for node in by_id.values():
        parent_id = node.span.parent_id
        parent = by_id.get(parent_id) if parent_id else None
        if parent is None or parent is node:
            node.orphan = parent_id is not None
            node.cause = find_linked(node, by_id)
            roots.append(node)
        else:
            node.parent = parent
            parent.children.append(node)
    reached = {id(node) for node in walk(roots)}
    for node in by_id.values():  # spans that are each other's ancestors: cut the circle at its earliest
        if id(node) not in reached:
            assert node.parent is not None
            node.parent.children.remove(node)
            node.parent, node.orphan = None, True
            roots.append(node)
            reached.update(id(member) for member in walk([node]))
    return roots


def find_linked(node: Node, by_id: dict[str, Node]) -> Node | None:
    """Return the span of this trace that a span without a parent links to."""
    linked = (by_id.get(link.span_id) for link in node.span.links if link.trace_id == node.span.trace_id)
    return next((other for other in linked if other is not None and other is not node), None)


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
        node.end = min(max(node.end, node.start), parent.end)


def same_clock(span: Span, other: Span) -> bool:
    """Tell whether two spans were timed by one process."""
    return span.source.service == other.source.service and span.source.instance == other.source.instance


def estimate_skew(node: Node, parent: Node) -> int:
    """Return what to add to a child's times because its clock differs from its parent's; 0 when nothing is impossible.

    A child cannot begin before its parent, and a call cannot be served after its caller has the answer. The child is
    then centred in the parent, as Jaeger's clock-skew adjuster does, or begins with it when it is longer.
    """
    span = node.span
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
        return False  # a caller whose answer came late; what it waited for is clipped
    tolerance = 0 if node.span.kind == "producer" else OVERRUN_TOLERANCE_NS
    return node.end > parent.end + tolerance


def covered(node: Node) -> int:
    """Return how long at least one waited-for child was running."""
    total, reached = 0, node.start
    for child in sorted(node.waited_for, key=lambda child: child.start):
        if child.end > reached:
            total += child.end - max(child.start, reached)
            reached = child.end
    return total
