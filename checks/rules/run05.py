"""A session stays in its unit of work.

Harm: a session that outlives its transaction reads what was rolled back, keeps a connection, or is used by two tasks.
Rule: what `async with db.transaction() as unit` or `db.reading() as session` binds is not returned, not kept in an
attribute, not given to another task, and not used after the block.
Fix: return values; open another unit of work where the work goes on.
Escape: `autional: ignore[RUN05] reason="…" until=…` on the line.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from checks.facts import FileView
from checks.facts.specs import name_of
from checks.model import Tier
from checks.rule import Rule
from checks.sources import Source

OPENERS = frozenset({"transaction", "reading"})
TASKS = frozenset({"create_task", "ensure_future", "gather"})


class Run05(Rule):
    """Sessions do not escape."""

    code = "RUN05"
    tier = Tier.P1
    title = "a session stays in its unit of work"

    def wants(self, source: Source) -> bool:
        return bool(source.service)

    def handlers(self) -> Mapping[type[ast.AST], Any]:
        return {ast.AsyncWith: self.block}

    def block(self, node: ast.AsyncWith, view: FileView) -> None:
        """Look at one unit of work."""
        for name in opened(node):
            view.examined()
            for part in node.body:
                for inner in ast.walk(part):
                    why = escapes(inner, name)
                    if why:
                        view.report(inner, f"{name} {why}; it is over when the block is")
            for later in after(node, view.function):
                if isinstance(later, ast.Name) and later.id == name and isinstance(later.ctx, ast.Load):
                    view.report(later, f"{name} is used after its unit of work has ended")


def opened(node: ast.AsyncWith) -> Iterator[str]:
    """Yield the names that a block binds to a unit of work or its session."""
    for item in node.items:
        call = item.context_expr
        opens = isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in OPENERS
        if opens and isinstance(item.optional_vars, ast.Name):
            yield item.optional_vars.id


def escapes(node: ast.AST, name: str) -> str:
    """Return how a node lets the name out, empty if it does not."""
    if isinstance(node, ast.Return | ast.Yield) and node.value is not None and is_session(node.value, name):
        return "is handed out"
    if isinstance(node, ast.Assign) and is_session(node.value, name):
        return "is kept in an attribute" if any(isinstance(each, ast.Attribute) for each in node.targets) else ""
    if isinstance(node, ast.Call) and name_of(node.func).rpartition(".")[2] in TASKS:
        inner = [part for each in node.args for part in ast.walk(each)]
        return "is given to another task" if any(name_of(part) == name for part in inner) else ""
    return ""


def is_session(node: ast.AST, name: str) -> bool:
    """Whether an expression is the unit of work or its session."""
    return name_of(node) in (name, f"{name}.session")


def after(block: ast.AsyncWith, function: ast.AST | None) -> Iterator[ast.AST]:
    """Yield what follows a block in its function, up to where the name is bound again."""
    names = set(opened(block))
    last = block.end_lineno or block.lineno
    later = [n for n in ast.walk(function) if getattr(n, "lineno", 0) > last] if function else []
    rebound = [n.lineno for n in later if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store) and n.id in names]
    stop = min(rebound, default=10**9)
    yield from (n for n in later if getattr(n, "lineno", 0) < stop)
