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
    while node is not tree.primary:
        if node.asynchronous and node.cause is not None:
            released = min(node.cause.end, node.start)
            if released < node.start:
                sections.append(Section(node, released, node.start, waiting=True))
            moment, node = released, node.cause
        elif node.parent is not None:
            moment, node = node.start, node.parent
        else:
            break
        sections += descend(node, moment)
    return sections[::-1]


def starts_work(node: Node, tree: Tree) -> bool:
    """Tell whether a node is the primary root, or work that nobody waited for and that leads back to it."""
    seen: set[int] = set()
    while id(node) not in seen:
        seen.add(id(node))
        if node is tree.primary:
            return True
        is_own = node.asynchronous or node.runs_on or len(seen) > 1
        following = node.cause if node.asynchronous else node.parent if is_own else None
        if following is None or following.start > node.start:  # an effect before its cause: a link and two clocks
            return False
        node = following
    return False


def descend(node: Node, moment: int) -> list[Section]:
    """Return the path inside `node` up to `moment`, latest section first.

    Written with a stack of (node, moment, limit, children left to look at): traces may be deeper than Python's
    recursion. `limit` is when somebody above stopped waiting: what ran on counts until then.
    """
    sections: list[Section] = []
    stack = [(node, min(moment, node.end), node.end, by_end(node, node.end))]
    while stack:
        node, moment, limit, children = stack.pop()
        while children and min(children[-1].end, limit) > moment:
            children.pop()  # still running at that moment, so not what was waited for
        child = children.pop() if children else None
        reached = min(child.end, limit) if child is not None else node.start
        if reached < moment:
            sections.append(Section(node, reached, moment))
        if child is not None:
            stack.append((node, child.start, limit, children))
            stack.append((child, reached, reached, by_end(child, reached)))
    return sections


def by_end(node: Node, limit: int) -> list[Node]:
    """Return the waited-for children that took time before `limit`, the last to finish at the end."""
    found = [child for child in node.waited_for if child.start < min(child.end, limit)]
    return sorted(found, key=lambda child: (min(child.end, limit), child.start))
