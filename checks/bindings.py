"""Every place of a file that gives a name a value."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from checks.facts import Walk

    Binding = tuple[ast.AST, str, int, str | ast.AST]  # scope, name, line, what it is given

GROWING = frozenset({"append", "extend", "insert", "appendleft", "add"})


def bindings(walk: Walk, package: str, scope_of: Callable[[ast.AST], ast.AST]) -> Iterator[Binding]:
    """Yield all bindings in the order of their kinds; those of one kind in the order of the source."""
    kinds = walk.kinds
    kind: type[ast.AST]
    for kind in (ast.Import, ast.ImportFrom):
        for node in kinds.get(kind, ()):
            scope = scope_of(node)
            yield from ((scope, name, line_of(node), full) for name, full in imported(node, package).items())
    for kind in (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef):
        for node in kinds.get(kind, ()):
            yield scope_of(node), getattr(node, "name", ""), line_of(node), node
    for node in kinds.get(ast.arg, ()):
        yield walk.above[walk.above[node]], node.arg, line_of(node), node  # type: ignore[attr-defined]
    for node in kinds.get(ast.Call, ()):
        target = node.func  # type: ignore[attr-defined]
        if isinstance(target, ast.Attribute) and target.attr in GROWING and isinstance(target.value, ast.Name):
            more = node.args[-1:]  # type: ignore[attr-defined]
            yield from ((scope_of(node), target.value.id, line_of(node), More(each)) for each in more)
    for target, value, at in assigned(walk):
        for name, given in unpacked(target, value):
            yield scope_of(at), name, line_of(target), given


def imported(node: Any, package: str) -> dict[str, str]:
    """Return what the names that an import binds stand for."""
    if isinstance(node, ast.Import):
        plain = {each.name.partition(".")[0]: each.name.partition(".")[0] for each in node.names if not each.asname}
        return plain | {each.asname: each.name for each in node.names if each.asname}
    base = base_of(node, package)
    return {each.asname or each.name: f"{base}.{each.name}" for each in node.names if each.name != "*"}


def base_of(node: ast.ImportFrom, package: str) -> str:
    """Return the module that `from … import` speaks of; relative ones by their full name."""
    if not node.level:
        return node.module or ""
    parts = package.split(".")
    kept = parts[: len(parts) - node.level + 1]
    return ".".join([*kept, *([node.module] if node.module else [])])


def stars(walk: Walk, package: str) -> list[str]:
    """Return the modules of which everything is imported."""
    found: list[Any] = [n for n in walk.kinds.get(ast.ImportFrom, ()) if n.names[0].name == "*"]  # type: ignore[attr-defined]
    return [base_of(node, package) for node in found]


def assigned(walk: Walk) -> Iterator[tuple[ast.AST, ast.AST, ast.AST]]:
    """Yield `(target, value, node)` of everything that assigns."""
    nodes: Any
    kind: type[ast.AST]
    for nodes in walk.kinds.get(ast.Assign, ()):
        yield from ((target, nodes.value, nodes) for target in nodes.targets)
    for kind in (ast.AnnAssign, ast.NamedExpr):
        for nodes in walk.kinds.get(kind, ()):
            if nodes.value is not None:
                yield nodes.target, nodes.value, nodes
    for nodes in walk.kinds.get(ast.AugAssign, ()):
        yield nodes.target, nodes, nodes
    for kind in (ast.For, ast.AsyncFor, ast.comprehension):
        for nodes in walk.kinds.get(kind, ()):
            several = (
                nodes.iter.elts if isinstance(nodes.iter, ast.List | ast.Tuple | ast.Set) else [Element(nodes.iter)]
            )
            yield from ((nodes.target, each, nodes) for each in several)
    for nodes in walk.kinds.get(ast.withitem, ()):
        if nodes.optional_vars is not None:
            yield nodes.optional_vars, nodes.context_expr, nodes


class More(ast.AST):
    """What is put into a list that a name stands for."""

    def __init__(self, value: ast.expr) -> None:
        super().__init__()
        self.value = value


class Element(ast.AST):
    """Some element of what is iterated over: nothing more is known of it."""

    def __init__(self, of: ast.AST) -> None:
        super().__init__()
        self.of = of


def unpacked(target: ast.AST, value: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Yield name and value, element by element where both sides are written out."""
    if isinstance(target, ast.Name):
        yield target.id, value
    elif isinstance(target, ast.Starred):
        yield from unpacked(target.value, Element(value))
    elif isinstance(target, ast.Tuple | ast.List):
        same = isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(target.elts)
        values = value.elts if same and isinstance(value, ast.Tuple | ast.List) else [Element(value)] * len(target.elts)
        for each, given in zip(target.elts, values, strict=True):
            yield from unpacked(each, given)


def line_of(node: ast.AST) -> int:
    """Return the line of a node."""
    return getattr(node, "lineno", 0)


def text_of(node: ast.AST | None) -> str:
    """Return the text of a literal, empty for anything else."""
    value = node.value if isinstance(node, ast.Constant) else ""
    return value if isinstance(value, str) else value.decode("latin-1") if isinstance(value, bytes) else ""
