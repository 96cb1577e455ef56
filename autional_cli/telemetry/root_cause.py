"""The error that the others follow from."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from autional_cli.telemetry.conventions import attribute

if TYPE_CHECKING:
    from autional_cli.telemetry.tree import Node, Tree


class RootCause(NamedTuple):
    """The deepest originating error. `path` leads from the topmost span it spoilt down to it; `reached_root` tells
    whether the request itself failed."""

    node: Node
    error: str
    message: str
    path: list[Node]
    reached_root: bool


def find(tree: Tree) -> RootCause | None:
    """Return the root cause, or None when no span failed.

    An error originates where a failed span has no failed child. Of several, one that spoilt the request comes first,
    then the deepest, then the earliest.
    """
    origins = [node for node in tree.nodes if node.span.error and not any(child.span.error for child in node.children)]
    if not origins:
        return None
    chains = [climb(node) for node in origins]
    best = min(chains, key=lambda chain: (chain[0] is not tree.primary, -chain[-1].depth, chain[-1].end))
    error, message = describe(best[-1])
    return RootCause(best[-1], error, message, best, best[0] is tree.primary)


def climb(node: Node) -> list[Node]:
    """Return the failed ancestors of a failed span without interruption, topmost first, ending with itself."""
    chain = [node]
    while (parent := chain[-1].parent) is not None and parent.span.error:
        chain.append(parent)
    return chain[::-1]


def describe(node: Node) -> tuple[str, str]:
    """Return the kind of an error and what it said: from the exception event, the attributes or the status."""
    span = node.span
    exceptions = [event.attributes for event in span.events if event.name == "exception"]
    exception = exceptions[-1] if exceptions else {}
    status = attribute(span, "http.response.status_code", attribute(span, "rpc.status_code", ""))
    kind = exception.get("exception.type") or span.attributes.get("error.type") or status or "error"
    message = exception.get("exception.message") or span.message or ""
    return str(kind), str(message)
