"""The rows of a waterfall: spans with their log lines, and runs of equal leaves folded into one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autional_cli.telemetry.analyse import Analysis
    from autional_cli.telemetry.log_lines import Entry
    from autional_cli.telemetry.tree import Node

FOLD = 4  # equal leaves in a row that become one line
LOGS_SHOWN = 20  # a span


@dataclass(slots=True, eq=False, repr=False)
class Row:
    """One line of the waterfall: `node`, and the equal siblings after it that are `folded` into it."""

    node: Node
    depth: int
    logs: list[Entry]
    folded: list[Node] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        return self.node.span.error

    @property
    def start(self) -> int:
        return self.node.start

    @property
    def end(self) -> int:
        return max(node.end for node in (self.node, *self.folded))

    @property
    def self_ns(self) -> int:
        return sum(node.self_ns for node in (self.node, *self.folded))


def arrange(analysis: Analysis) -> list[Row]:
    """Return the rows in order; log lines whose span is not here go to the root."""
    nodes: dict[tuple[str, str], Node] = {}
    for node in analysis.tree.nodes:
        for service in (node.span.service, ""):  # of spans with one id, the service's own; or else the first
            nodes.setdefault((service, node.span.span_id), node)
    logs: dict[int, list[Entry]] = {}
    for entry in analysis.logs:
        service, span_id = (str(entry.fields.get(key, "")) for key in ("service", "span_id"))
        owner = nodes.get((service, span_id)) or nodes.get(("", span_id), analysis.tree.primary)
        logs.setdefault(id(owner), []).append(entry)
    rows: list[Row] = []
    pending: list[Row] = []  # a run of equal leaves
    for node in analysis.tree.nodes:
        row = Row(node, node.depth, logs.get(id(node), [])[:LOGS_SHOWN])
        if not pending or not is_alike(pending[-1], row):
            rows += fold(pending)
            pending = []
        pending.append(row)
    return rows + fold(pending)


def is_alike(row: Row, other: Row) -> bool:
    """Tell whether two leaves say the same: same parent, name and outcome, nothing below them."""
    node, following = row.node, other.node
    return (
        node.parent is following.parent
        and node.parent is not None
        and node.span.name == following.span.name
        and node.span.service == following.span.service
        and not (row.failed or other.failed or row.logs or other.logs)
        and not (node.children or following.children)
        and not (node.asynchronous or following.asynchronous)
    )


def fold(rows: list[Row]) -> list[Row]:
    """Fold a long run of equal rows into one."""
    if len(rows) < FOLD:
        return rows
    first, *others = rows
    return [Row(first.node, first.depth, [], [row.node for row in others])]
