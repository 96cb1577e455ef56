"""One walk over a syntax tree: every node by its type, and every handler called for the types that it asked for."""

from __future__ import annotations

import ast
from collections import defaultdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from checks.facts import FileView, Walk

    Dispatch = Mapping[type[ast.AST], Sequence[tuple[Callable[[Any, FileView], None], FileView]]]

# Contexts and operators hold nothing and are met by the hundred thousand.
EMPTY = (ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop)
# Fields of those, of text and of numbers.
PLAIN = frozenset(
    {"ctx", "op", "ops", "id", "attr", "asname", "level", "module", "arg", "kind", "conversion", "type_comment"}
)
PLAIN_OF = {ast.Constant: {"value"}, ast.Global: {"names"}, ast.Nonlocal: {"names"}, ast.alias: {"name"}}


class Fields(dict[type[ast.AST], tuple[str, ...]]):
    """The fields of each type of node that may hold nodes, the last first: filled as types are met."""

    def __missing__(self, kind: type[ast.AST]) -> tuple[str, ...]:
        plain = PLAIN | PLAIN_OF.get(kind, set())
        self[kind] = tuple(name for name in reversed(kind._fields) if name not in plain)
        return self[kind]


def explore(walk: Walk, wanted: Collection[type[ast.AST]]) -> None:
    """Note every node of the walk's tree by its type, what is above it, and those of wanted types in order."""
    fields, above = Fields(), walk.above
    kinds: defaultdict[type[ast.AST], list[ast.AST]] = defaultdict(list)
    hits = walk.hits
    stack: list[ast.AST] = [walk.tree]
    push, pop = stack.append, stack.pop
    while stack:
        node: Any = pop()
        kind = type(node)
        kinds[kind].append(node)
        if kind in wanted:
            hits.append(node)
        for name in fields[kind]:
            value = getattr(node, name, None)
            if type(value) is list:
                for item in reversed(value):
                    if isinstance(item, ast.AST):
                        above[item] = node
                        push(item)
            elif isinstance(value, ast.AST):
                above[value] = node
                push(value)
    walk.kinds = kinds


def visit(walk: Walk, dispatch: Dispatch) -> None:
    """Call the handlers for each node, parents before children, in the order of the source."""
    for node in walk.hits:
        for handler, view in dispatch.get(type(node), ()):
            walk.node = node
            handler(node, view)
