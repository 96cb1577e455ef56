"""What a shape in a trace is called, where it is and what it costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from autional_cli.telemetry.tree import Node


class Finding(NamedTuple):
    """A shape that costs time. `cost_ns` is what it took, or what could be saved."""

    kind: str
    nodes: list[Node]
    cost_ns: int
    message: str


def describe(node: Node) -> str:
    """Name a span together with its service."""
    return f"{node.span.service} {node.span.name}"
