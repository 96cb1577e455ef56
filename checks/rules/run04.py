"""No dangling task.

Harm: the event loop keeps weak references only: a task that nothing holds may be collected before it has run, and
its exception is lost.
Rule: the result of `asyncio.create_task`, `ensure_future` or a loop's `create_task`, under whatever name, is kept or
awaited [ruff RUF006 for the plain ones]: it is not dropped, not given to `_` or a name that nobody reads, and not made
by a callback or a lambda whose result nobody takes. A function that returns the task hands this duty on.
Not seen: a task in a container that is itself dropped later; a callback that is kept in an attribute.
Fix: keep it, await it, or use a TaskGroup.
Escape: none; P0.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from typing import Any

from checks.callbacks import given_back
from checks.facts import FileView
from checks.model import Finding, Tier
from checks.project import Project
from checks.resolution import is_ours, position
from checks.sources import Source
from checks.tools.ruff import FOLDERS, RuffRule

MAKERS = re.compile(
    r"^asyncio\.(tasks\.)?(create_task|ensure_future|run_coroutine_threadsafe|gather|Task)$"
    r"|^asyncio\.(get_running_loop|get_event_loop|new_event_loop|AbstractEventLoop|Runner\(\)\.get_loop)\(\)\.create_task$"
    r"|(^|[._])loop(\(\))?\.create_task$"
)
# What holds nothing: its own fate is looked at instead.
TRANSPARENT = (
    ast.List, ast.Tuple, ast.Set, ast.Dict, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.IfExp,
    ast.BoolOp, ast.Starred, ast.JoinedStr, ast.FormattedValue, ast.UnaryOp, ast.keyword,
)  # fmt: skip
SPENDERS = frozenset({"list", "tuple", "set", "any", "all", "sorted", "iter", "next", "len", "bool", "print"}) | {
    "dict",
    "str",
    "repr",
    "asyncio.shield",
}
COLLECTING = frozenset({"map", "filter", "sorted", "functools.reduce", "min", "max"})
CHAINED = frozenset({"add_done_callback", "set_name", "get_name", "done"})


class Run04(RuffRule):
    """No dangling task; ruff looks, and what it cannot follow is followed here."""

    code = "RUN04"
    tier = Tier.P0
    title = "no dangling task"

    def wants(self, source: Source) -> bool:
        return source.path.startswith(FOLDERS)

    def handlers(self) -> Mapping[type[ast.AST], Any]:
        return {ast.Call: self.call}

    def call(self, node: ast.Call, view: FileView) -> None:
        """Note a task that nothing holds, a function that returns one, and what is dropped of functions of ours."""
        name = view.names.called(node)
        makes = bool(MAKERS.search(name))
        followed = view.path.startswith("services/") and is_ours(name)
        if makes or followed:
            outer = view.names.above(node)
            awaited = isinstance(outer, ast.Await) and not makes
            found = fate(outer if awaited and outer else node, view, sure=makes)
            if found == "returned" and makes:
                late = isinstance(view.scope, ast.AsyncFunctionDef)
                view.note({"returns": view.names.path_of(view.scope), "late": late})
            elif found == "dropped":
                view.note({"drops" if makes else "calls": name, "late": awaited, **position(view, node)})
        mapped = view.full_name(node.args[0]) if name in COLLECTING and node.args else ""
        if MAKERS.search(mapped) and fate(node, view, sure=True) == "dropped":
            view.note({"drops": mapped, "late": False, **position(view, node)})
        for each in given_back(node, name):
            called = view.full_name(each)
            if MAKERS.search(called) or is_ours(called):
                view.note({"calls": called, "late": False, **position(view, each)})

    def judge(self, project: Project) -> Iterator[Finding]:
        seen = set()
        for one in super().judge(project):
            seen.add((one.path, one.line))
            yield one
        notes = list(project.notes(self.code))
        returns = {(note["returns"], note["late"]) for _, note in notes if "returns" in note}
        for path, note in notes:
            name = note.get("drops") or project.names.name(note.get("calls", ""))
            dangling = bool(name) and (bool(MAKERS.search(name)) or (name.replace("()", ""), note["late"]) in returns)
            if dangling and (path, note["line"]) not in seen:
                seen.add((path, note["line"]))
                message = f"the task that {name} makes is held by nothing; keep it, await it, or use a TaskGroup"
                yield self.finding(path, note["line"], message, symbol=note["symbol"])


def fate(node: ast.AST, view: FileView, *, sure: bool) -> str:
    """Return what becomes of a value: `dropped`, `returned`, or empty where something takes it.

    Whether a name is read is looked for in its own function if it is sure that there is a task, else in the file.
    """
    after = hands_on(node, view, sure=sure)
    while after is not None:
        node, after = after, hands_on(after, view, sure=sure)
    above = view.names.above(node)
    if isinstance(above, ast.Assign | ast.AnnAssign):
        targets = above.targets if isinstance(above, ast.Assign) else [above.target]
        return "" if any(is_read(each, view, sure=sure) for each in targets) else "dropped"
    if isinstance(above, ast.Return):
        return "returned"
    if isinstance(above, ast.Lambda):
        return "dropped" if is_callback(above, view) else "returned"
    unasked = isinstance(above, ast.Attribute) and isinstance(view.names.above(above), ast.Expr)
    return "dropped" if unasked or isinstance(above, ast.Expr | ast.If | ast.While | ast.Assert) else ""


def hands_on(node: ast.AST, view: FileView, *, sure: bool) -> ast.AST | None:
    """Return what shares a value's fate: a list around it, a call that keeps nothing, a name that nobody reads."""
    above = view.names.above(node)
    outer = view.names.above(above) if above is not None else None
    if isinstance(above, (*TRANSPARENT, ast.comprehension)):
        return above
    if isinstance(above, ast.Attribute) and above.attr in CHAINED and isinstance(outer, ast.Call):
        return outer
    if isinstance(above, ast.Call) and node is not above.func and view.names.called(above) in SPENDERS:
        return above
    return above if isinstance(above, ast.NamedExpr) and not is_read(above.target, view, sure=sure) else None


def is_callback(node: ast.Lambda, view: FileView) -> bool:
    """Whether a lambda is given away, so that nobody is known to take what it returns."""
    outer = view.names.above(node)
    if isinstance(outer, ast.keyword):
        outer = view.names.above(outer)
    if isinstance(outer, ast.Call):
        return node is not outer.func and view.names.called(outer) not in COLLECTING
    targets = outer.targets if isinstance(outer, ast.Assign) else []
    return isinstance(outer, ast.Dict) or any(isinstance(each, ast.Attribute | ast.Subscript) for each in targets)


def is_read(target: ast.AST, view: FileView, *, sure: bool) -> bool:
    """Whether somebody may read what is assigned: an attribute, an item, or a name that is read in its scope."""
    if not isinstance(target, ast.Name):
        return True
    if not sure:
        return target.id != "_" and target.id in view.names.read
    scope = view.names.scope_of(target)
    if isinstance(scope, ast.ClassDef | ast.Module):
        return target.id != "_"
    for each in ast.walk(scope):
        if isinstance(each, ast.Name) and each.id == target.id and isinstance(each.ctx, ast.Load):
            return target.id != "_"
        if isinstance(each, ast.Global | ast.Nonlocal) and target.id in each.names:
            return True
    return False
