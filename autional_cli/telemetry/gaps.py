"""Time in which nothing was recorded, by name: waiting in a queue, in the outbox, on the network, or untraced."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from autional_cli.telemetry.moments import format_duration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from autional_cli.telemetry.critical_path import Section
    from autional_cli.telemetry.tree import Node, Tree

SHORTEST_NS = 1_000_000
SHORTEST_UNTRACED_NS = 5_000_000
MOST = 12


class Gap(NamedTuple):
    """A named gap before or inside `node`. `kind`: queued, outbox, network or untraced. Nanoseconds."""

    kind: str
    node: Node
    start: int
    duration: int
    message: str


def find(tree: Tree, path: list[Section]) -> list[Gap]:
    """Return the largest gaps in order of time; `path` is the critical path to the response."""
    untraced_from = max(SHORTEST_UNTRACED_NS, tree.primary.duration // 10)
    found = [*find_waits(tree), *find_network(tree), *find_untraced(path, untraced_from)]
    largest = sorted(found, key=lambda gap: gap.duration, reverse=True)[:MOST]
    return sorted(largest, key=lambda gap: (gap.start, gap.duration))


def message_name(node: Node) -> str:
    """Return the message type of a messaging span: `process user.logged_in` → `user.logged_in`."""
    _, _, name = node.span.name.partition(" ")
    return name or str(node.span.attributes.get("messaging.destination.name", node.span.name))


def find_waits(tree: Tree) -> Iterator[Gap]:
    """Yield the time between the end of a cause and the beginning of its asynchronous effect."""
    for node in tree.nodes:
        if node.cause is None or not node.asynchronous:
            continue
        start, wait = node.cause.end, node.start - node.cause.end
        if wait < SHORTEST_NS:
            continue
        took = format_duration(wait)
        if node.span.kind == "consumer":
            text = f"{took} queued in {message_name(node)} before {node.span.service} processed it"
            yield Gap("queued", node, start, wait, text)
        elif node.span.kind == "producer":
            yield Gap("outbox", node, start, wait, f"{took} in the outbox before {message_name(node)} was sent")
        else:
            yield Gap("untraced", node, start, wait, f"{took} before {node.span.service} began {node.span.name}")


def find_network(tree: Tree) -> Iterator[Gap]:
    """Yield the time between a call and the beginning of its service by another process."""
    shortest = max(SHORTEST_NS * 2, tree.primary.duration // 20)
    for node in tree.nodes:
        parent = node.parent
        if parent is None or node.span.kind != "server" or parent.span.kind != "client" or node.asynchronous:
            continue
        wait = node.start - parent.start
        if wait >= shortest:
            text = f"{format_duration(wait)} before {node.span.service} took {node.span.name} (connecting or queueing)"
            yield Gap("network", node, parent.start, wait, text)


def find_untraced(path: list[Section], shortest: int) -> Iterator[Gap]:
    """Yield long stretches of a span's own time on the critical path, where it has children that were traced."""
    for section in path:
        if section.end - section.start >= shortest and section.node.children:
            took = format_duration(section.end - section.start)
            text = f"{took} without a span inside {section.node.span.service} {section.node.span.name}"
            yield Gap("untraced", section.node, section.start, section.end - section.start, text)
