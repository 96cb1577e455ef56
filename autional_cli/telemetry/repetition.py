"""One query, or one call to another service, for each of many things: N+1."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from autional_cli.telemetry.conventions import attribute, is_query
from autional_cli.telemetry.finding import Finding, describe
from autional_cli.telemetry.moments import format_duration
from autional_cli.telemetry.statements import normalise_path, normalise_statement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from autional_cli.telemetry.model import Span
    from autional_cli.telemetry.tree import Node, Tree

REPEATED = 5
LEVELS = 4  # parent, a span around each query, and a call with its server
CALLS = ("http.request.method", "rpc.system.name", "rpc.method", "url.full")  # what a call has, and no other client
Key = tuple[str, ...]


def find_repetitions(tree: Tree) -> Iterator[Finding]:
    """Yield repeated calls, then repeated queries that no repeated call explains."""
    explained: set[int] = set()
    for parent, calls in repeated(tree, call_key, explained, levels=2):
        explained.update(id(call) for call in calls)
        cost = sum(call.duration for call in calls)
        server = served(calls[0])
        target = server.service if server else attribute(calls[0].span, "server.address")
        what = f"{call_name(calls[0])}{f' at {target}' if target else ''}"
        text = f"N+1: {len(calls)} calls of {what} in {describe(parent)}, {format_duration(cost)}"
        yield Finding("n_plus_one_calls", calls, cost, f"{text}; ask for all of them with one call")
    for parent, queries in repeated(tree, query_key, explained, levels=LEVELS):
        cost = sum(query.duration for query in queries)
        text = f"N+1: {len(queries)} times {queries[0].span.name} in {describe(parent)}, {format_duration(cost)}"
        yield Finding("n_plus_one", queries, cost, f"{text}; fetch the rows with one query")


def repeated(
    tree: Tree, key_of: Callable[[Node], Key | None], explained: set[int], *, levels: int
) -> Iterator[tuple[Node, list[Node]]]:
    """Yield (the span in which it happens, spans that do the same), the nearest such span first.

    They are the same if they have one key and the same kinds of spans between. One that failed was tried again, and one
    that nobody waited for is no loop.
    """
    left = [(node, key) for node in tree.nodes if not node.span.error and (key := key_of(node)) is not None]
    for level in range(1, levels + 1):
        groups: dict[tuple[int, Key], tuple[Node, list[Node]]] = defaultdict(lambda: (tree.primary, []))
        for node, key in left:
            chain = ancestors(node, level)
            if len(chain) == level and not any(id(each) in explained for each in (node, *chain)):
                between = tuple(f"{each.span.service} {each.span.kind} {stem(each)}" for each in chain[:-1])
                top = chain[-1]
                groups.setdefault((id(top), (*key, *between)), (top, []))[1].append(node)
        found = [group for group in groups.values() if len(group[1]) >= REPEATED]
        yield from found
        taken = {id(node) for _, nodes in found for node in nodes}
        left = [(node, key) for node, key in left if id(node) not in taken]


def ancestors(node: Node, count: int) -> list[Node]:
    """Return up to `count` spans that waited for a span, the nearest first."""
    chain: list[Node] = []
    while len(chain) < count and node.parent is not None and not node.asynchronous:
        node = node.parent
        chain.append(node)
    return chain


def query_key(node: Node) -> Key | None:
    """Return what queries with other values have in common; None for what is no query."""
    span = node.span
    if not is_query(span) or span.kind not in ("client", "internal", "unspecified"):
        return None
    system = str(attribute(span, "db.system.name", ""))
    text = attribute(span, "db.query.text")
    if text:
        what = normalise_statement(str(text), system)
    else:
        operation, collection = (attribute(span, f"db.{name}.name", "") for name in ("operation", "collection"))
        what = str(attribute(span, "db.query.summary") or f"{operation} {collection}".strip() or stem(node))
    return (span.service, system, str(attribute(span, "db.namespace", "")), what)


def call_key(node: Node) -> Key | None:
    """Return what calls for other things have in common; None for what is no call to another service."""
    span = node.span
    if span.kind != "client" or is_query(span):
        return None
    server = served(node)
    if server is None and not any(attribute(span, name) for name in CALLS):
        return None
    target = server.service if server else attribute(span, "server.address", "")
    return (span.service, str(target), call_name(node))


def served(node: Node) -> Span | None:
    """Return the span of the server that answered a call."""
    return next((child.span for child in node.children if child.span.kind == "server"), None)


def call_name(node: Node) -> str:
    """Name a call by method and route: as the server names it, else from the address without what identifies one."""
    span = node.span
    if attribute(span, "rpc.system.name") or attribute(span, "rpc.method"):
        return span.name
    method = str(attribute(span, "http.request.method", ""))
    server = served(node)
    route = attribute(span, "url.template") or (server and attribute(server, "http.route"))
    if route:
        return f"{method} {route}".strip()
    path = attribute(span, "url.path") or urlsplit(str(attribute(span, "url.full", ""))).path
    if path:
        return f"{method} {normalise_path(str(path))}".strip()
    return stem(node) if server is None else " ".join(map(normalise_path, server.name.split()))


def stem(node: Node) -> str:
    """Return the name of a span without what identifies one thing: senders put ids into names."""
    return " ".join(normalise_path(word) for word in node.span.name.split())
