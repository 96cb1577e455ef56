"""The chain of work that decided how long a trace took.

To the response: from the end of the root backwards, always into the child that finished last before that point; what
no child covers is the span's own. Concurrent children that finished earlier are not on it. To completion: the same from
the end of the last work anybody did, over messages and other asynchronous causes back to the root, so that a late
consumer does not vanish; between cause and effect lies a wait. Both cover their time without a gap or an overlap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from autional_cli.telemetry.tree import Node, Tree


class Section(NamedTuple):
    """A stretch of a critical path: `node` was working, or (`waiting`) was about to begin. Nanoseconds."""

    node: Node
    start: int
    end: int
    waiting: bool = False


def to_response(tree: Tree) -> list[Section]:
    """Return the path to the end of the primary root, in order of time. It lasts exactly as long as that span."""
    return descend(tree.primary, tree.primary.end)[::-1]


def to_completion(tree: Tree) -> list[Section]:
    """Return the path to the end of the last work that the primary root set off, in order of time."""
    node = max((node for node in tree.nodes if starts_work(node, tree)), key=lambda node: node.end)
    sections = descend(node, node.end)
    while node is not tree.primary and node.cause is not None:
        released = min(node.cause.end, node.start)
        if released < node.start:
            sections.append(Section(node, released, node.start, waiting=True))
        moment, node = released, node.cause
        sections += descend(node, moment)
        while not node.asynchronous and node.parent is not None:
            moment, node = node.start, node.parent
            sections += descend(node, moment)
    return sections[::-1]


def starts_work(node: Node, tree: Tree) -> bool:
    """Tell whether a node is the primary root, or asynchronous work that leads back to it."""
    seen: set[int] = set()
    while id(node) not in seen:
        seen.add(id(node))
        if node is tree.primary:
            return True
        following = node.cause if node.asynchronous else node.parent if len(seen) > 1 else None
        if following is None or following.start > node.start:  # an effect before its cause: a link and two clocks
            return False
        node = following
    return False


def descend(node: Node, moment: int) -> list[Section]:
    """Return the path inside `node` up to `moment`, latest section first.

    Written with a stack of (node, moment, children left to look at): traces may be deeper than Python's recursion.
    """
    sections: list[Section] = []
    stack = [(node, min(moment, node.end), by_end(node))]
    while stack:
        node, moment, children = stack.pop()
        while children and children[-1].end > moment:
            children.pop()  # still running at that moment, so not what was waited for
        child = children.pop() if children else None
        reached = child.end if child is not None else node.start
        if reached < moment:
            sections.append(Section(node, reached, moment))
        if child is not None:
            stack.append((node, child.start, children))
            stack.append((child, child.end, by_end(child)))
    return sections


def by_end(node: Node) -> list[Node]:
    """Return the waited-for children that took time, the last to finish at the end."""
    return sorted(
        (child for child in node.waited_for if child.duration > 0), key=lambda child: (child.end, child.start)
    )
