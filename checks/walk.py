"""One walk over a syntax tree that calls every handler that asked for a type of node."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from checks.facts import FileView, Walk

    Dispatch = Mapping[type[ast.AST], Sequence[tuple[Callable[[Any, FileView], None], FileView]]]

# Contexts and operators hold nothing and are met by the hundred thousand.
EMPTY = (ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop)


def visit(node: ast.AST, walk: Walk, dispatch: Dispatch) -> None:
    """Visit `node` and everything in it, parents before children, in the order of the source."""
    for handler, view in dispatch.get(type(node), ()):
        handler(node, view)
    parents = walk.parents
    parents.append(node)
    for name in node._fields:
        value = getattr(node, name, None)
        if type(value) is list:
            for item in value:
                if isinstance(item, ast.AST) and not isinstance(item, EMPTY):
                    visit(item, walk, dispatch)
        elif isinstance(value, ast.AST) and not isinstance(value, EMPTY):
            visit(value, walk, dispatch)
    parents.pop()
