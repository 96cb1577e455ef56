"""No naive now().

Harm: a time without a zone is wrong twice a year, and in every other zone.
Rule: no `datetime.now()`, `utcnow()` and the like without a time zone [ruff DTZ for plain calls], under whatever name;
none handed over to be called later (`default_factory=datetime.now`); no `replace(tzinfo=None)`; in services and
migrations no `time.localtime()`, `ctime()` or `strftime()` of now either.
Not seen: a naive time that somebody else's function returns.
Fix: `services.chassis.clock.utcnow()`, or `datetime.now(UTC)`.
Escape: `noqa` with the rule of ruff and a reason, or `autional: ignore[RUN07] reason="…" until=…`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from checks.facts import FileView
from checks.model import Finding, Tier
from checks.project import Project
from checks.resolution import is_ours, position
from checks.sources import Source
from checks.tools.ruff import FOLDERS, RuffRule, is_excused

# Name → how many positional arguments make it aware; 99 never.
NAIVE = {
    "datetime.datetime.now": 1,
    "datetime.datetime.utcnow": 99,
    "datetime.datetime.today": 99,
    "datetime.datetime.fromtimestamp": 2,
    "datetime.datetime.utcfromtimestamp": 99,
    "datetime.date.today": 99,
    "datetime.date.fromtimestamp": 99,
}
LOCAL = {"time.localtime": 99, "time.ctime": 99, "time.asctime": 1, "time.strftime": 2}
LAST = {name.rpartition(".")[2] for name in (*NAIVE, *LOCAL)}
LATER = frozenset({"default", "default_factory", "onupdate", "insert_default", "factory", "init", "key", "side_effect"})


class Run07(RuffRule):
    """No naive now(); ruff looks, and what it cannot follow is followed here."""

    code = "RUN07"
    tier = Tier.P1
    title = "no naive now()"

    def wants(self, source: Source) -> bool:
        return source.path.startswith(FOLDERS)

    def handlers(self) -> Mapping[type[ast.AST], Any]:
        return {ast.Call: self.call, ast.Attribute: self.reference, ast.keyword: self.keyword}

    def call(self, node: ast.Call, view: FileView) -> None:
        """Note a naive call under whatever name, and what is asked of functions of ours."""
        name = view.names.called(node)
        if name in NAIVE or name in LOCAL:
            if not is_aware(node, name) and not any(is_bound(each, view) for each in view.names.values(node.func)):
                self.told(node, name, view)
        elif is_ours(name) and view.service:
            if not node.args and not node.keywords:
                self.told(node, name, view)
        elif isinstance(node.func, ast.Attribute) and node.func.attr == "replace":
            gone = [word for word in node.keywords if word.arg == "tzinfo" and is_none(word.value)]
            for _ in gone:
                self.told(node, "replace(tzinfo=None)", view)

    def reference(self, node: ast.Attribute, view: FileView) -> None:
        """Note a naive function that is handed over to be called by somebody."""
        if node.attr not in LAST:
            return
        around = view.parent
        if isinstance(around, ast.Attribute | ast.Assign | ast.AnnAssign):
            return
        if isinstance(around, ast.Call) and (around.func is node or is_bound(around, view)):
            return
        if isinstance(around, ast.Call) and isinstance(view.names.above(around), ast.Assign):
            return  # an alias: its calls are looked at
        name = view.full_name(node)
        if name in NAIVE or name in LOCAL:
            self.told(node, name, view)

    def keyword(self, node: ast.keyword, view: FileView) -> None:
        """Note `default_factory=now`, where `now` stands for a naive function."""
        if node.arg in LATER and isinstance(node.value, ast.Name | ast.Call):
            name = view.full_name(node.value)
            bound = any(is_bound(each, view) for each in view.names.values(node.value))
            if not bound and (name in NAIVE or name in LOCAL or is_ours(name)):
                self.told(node.value, name, view)

    @staticmethod
    def told(node: ast.expr, name: str, view: FileView) -> None:
        """Note one place."""
        if name in LOCAL and not view.service:
            return  # a command shows a person the time on the wall
        if not is_excused(view, node, "DTZ"):
            view.note({"name": name, **position(view, node)})

    def judge(self, project: Project) -> Iterator[Finding]:
        seen = set()
        for one in super().judge(project):
            seen.add((one.path, one.line))
            yield one
        for path, note in project.notes(self.code):
            name = project.names.name(note["name"])
            if (path, note["line"]) not in seen and (name in NAIVE or name in LOCAL or name.startswith("replace(")):
                seen.add((path, note["line"]))
                yield self.finding(path, note["line"], f"{name} makes a time without a zone", symbol=note["symbol"])


def is_aware(node: ast.Call, name: str) -> bool:
    """Whether a call is given a time zone, or the time that it is to show."""
    needed = NAIVE.get(name) or LOCAL[name]
    zone = [word.value for word in node.keywords if word.arg in ("tz", None)]
    given = zone or ([node.args[needed - 1]] if len(node.args) >= needed else [])
    return any(not is_none(each) for each in given)


def is_bound(node: ast.AST, view: FileView) -> bool:
    """Whether an expression binds arguments to a function: `partial(datetime.now, UTC)`."""
    if not isinstance(node, ast.Call):
        return False
    return view.names.called(node) == "functools.partial" and len(node.args) + len(node.keywords) > 1


def is_none(node: ast.AST) -> bool:
    """Whether an expression is `None`."""
    return isinstance(node, ast.Constant) and node.value is None
