"""Times have a zone, and constraints their names by convention.

Harm: a naive time is an hour wrong twice a year; a constraint whose name the server made up cannot be dropped by name.
Rule: `DateTime` is `DateTime(timezone=True)` in models and revisions, `Mapped[datetime]` says such a type, and SQL that
makes a table says `timestamptz`; a declarative Base has `metadata = service_metadata()`, with the naming convention.
Not seen: a type that a function returns, or that a Base in another file maps (`type_annotation_map`).
Fix: `Moment` or `Created` of the chassis; `service_metadata()`.
Escape: `autional: ignore[DAT11] reason="…" until=…` on the line.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import Any

from checks.facts import FileView
from checks.facts.specs import literal, name_of
from checks.model import Tier
from checks.project import Project
from checks.rule import Rule
from checks.sources import Source

TIMES = frozenset({"DateTime", "TIMESTAMP", "DATETIME"})
RUNS_SQL = frozenset({"text", "execute", "exec_driver_sql", "DDL"})
DDL = re.compile(r"(?i)\b(create|alter)\s+(unlogged\s+|temp(orary)?\s+)?(table|domain|type)\b")
# In a statement with single spaces: as a type, after the name of a column or `TYPE`.
NAIVE = re.compile(
    r"(?<!column )(?<!add )(?<=[\w\"] )timestamp\b(?! ?(\( ?\d ?\) ?)?with time zone)(?! timestamp)"
    r"|\blocaltimestamp\b",
    re.IGNORECASE,
)
WORD = re.compile(r"\w+")


class Dat11(Rule):
    """Columns of time are aware, names are conventional."""

    code = "DAT11"
    tier = Tier.P1
    title = "no naive datetime column, naming convention"

    def wants(self, source: Source) -> bool:
        return bool(source.service)

    def applies(self, project: Project) -> bool:
        return any(spec.database == "postgres" for spec in project.specs.values())

    def handlers(self) -> Mapping[type[ast.AST], Any]:
        return {
            ast.Call: self.call,
            ast.Name: self.name,
            ast.Attribute: self.name,
            ast.ClassDef: self.base,
            ast.AnnAssign: self.column,
            ast.Subscript: self.annotated,
        }

    def call(self, node: ast.Call, view: FileView) -> None:
        """Look at `DateTime(…)` and `TIMESTAMP(…)`, and at SQL that makes a column."""
        if self.is_time(node.func, view):
            view.examined()
            first = node.args[:1] + [word.value for word in node.keywords if word.arg == "timezone"]
            if not any(is_true(each, view) for each in first):
                view.report(node, "a time without a zone; write DateTime(timezone=True)")
            return
        name = view.names.called(node)
        last = name.rpartition(".")[2] or getattr(node.func, "attr", "")
        if last.lower() == "localtimestamp" and name.startswith("sqlalchemy"):
            view.report(node, "LOCALTIMESTAMP is a time without a zone; write func.now()")
        elif node.args and last in RUNS_SQL:
            for text in view.texts.of(node.args[0]):
                whole = " ".join("".join(part if isinstance(part, str) else " x " for part in text).split())
                if DDL.search(whole) and NAIVE.search(whole):
                    view.report(node, "SQL makes a time without a zone; write timestamptz")
                    break

    def column(self, node: ast.AnnAssign, view: FileView) -> None:
        """Look at `Mapped[datetime]` without a type: SQLAlchemy takes a naive one."""
        kind = node.annotation
        inner: ast.AST | None = None
        if isinstance(kind, ast.Constant) and isinstance(kind.value, str) and kind.value.startswith("Mapped["):
            inner = ast.Constant(kind.value.removeprefix("Mapped[").removesuffix("]"))
        elif isinstance(kind, ast.Subscript) and view.full_name(kind.value).rpartition(".")[2] == "Mapped":
            inner = kind.slice
        if inner is not None and is_datetime(inner, view) and not has_type(node.value, view) and not maps_times(view):
            view.examined()
            view.report(node, "Mapped[datetime] without a type is naive; write Moment, or DateTime(timezone=True)")

    def annotated(self, node: ast.Subscript, view: FileView) -> None:
        """Look at `Annotated[datetime, mapped_column()]`, which others use as a type."""
        if view.full_name(node.value).rpartition(".")[2] != "Annotated" or not isinstance(node.slice, ast.Tuple):
            return
        kind, *rest = node.slice.elts
        columns = [each for each in rest if isinstance(each, ast.Call) and is_column(each, view)]
        if columns and is_datetime(kind, view) and not any(has_type(each, view) for each in columns):
            view.report(node, "Annotated[datetime, …] without a type is naive; write DateTime(timezone=True)")

    def name(self, node: ast.Name | ast.Attribute, view: FileView) -> None:
        """Look at `DateTime` that is not called."""
        if (getattr(node, "attr", "") in TIMES or isinstance(node, ast.Name)) and self.is_time(node, view):
            parent = view.parent
            if isinstance(node.ctx, ast.Store) or isinstance(parent, ast.Assign | ast.Compare):
                return  # an alias, whose calls are looked at; or a question
            if isinstance(parent, ast.Call) and view.full_name(parent.func) in ("isinstance", "issubclass"):
                return
            if not (isinstance(parent, ast.Call) and parent.func is node):
                view.examined()
                view.report(node, "a time without a zone; write DateTime(timezone=True)")

    @staticmethod
    def is_time(node: ast.AST, view: FileView) -> bool:
        """Whether an expression is SQLAlchemy's type of a time."""
        name = view.full_name(node)
        return name.startswith("sqlalchemy") and name.rpartition(".")[2] in TIMES

    def base(self, node: ast.ClassDef, view: FileView) -> None:
        """Look at a declarative base."""
        if not any(name_of(base).rpartition(".")[2] == "DeclarativeBase" for base in node.bases):
            return
        view.examined()
        for each in node.body:
            if isinstance(each, ast.Assign) and any(name_of(target) == "metadata" for target in each.targets):
                made = each.value
                if isinstance(made, ast.Call) and name_of(made.func).rpartition(".")[2] == "service_metadata":
                    return
        view.report(node, f"{node.name} lacks metadata = service_metadata(), the naming convention", symbol=node.name)


def is_true(node: ast.AST, view: FileView) -> bool:
    """Whether an expression is `True`, or a name that stands for it."""
    return any(literal(each) is True for each in view.names.values(node))


def is_datetime(node: ast.AST, view: FileView) -> bool:
    """Whether an annotation is `datetime`, `None` or not, written as a text or not."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        words = set(WORD.findall(node.value))
        return bool(words & {"datetime"}) and not words & {"Annotated"}
    if isinstance(node, ast.BinOp):
        return is_datetime(node.left, view) or is_datetime(node.right, view)
    if isinstance(node, ast.Subscript) and view.full_name(node.value).rpartition(".")[2] in ("Optional", "Union"):
        inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        return any(is_datetime(each, view) for each in inner)
    return view.full_name(node) == "datetime.datetime"


def is_column(node: ast.Call, view: FileView) -> bool:
    """Whether a call makes a mapped column."""
    return view.names.called(node).rpartition(".")[2] in ("mapped_column", "Column")


def has_type(node: ast.AST | None, view: FileView) -> bool:
    """Whether a mapped column says its type: anything but its name, a key or a default."""
    if not isinstance(node, ast.Call):
        return False
    if not is_column(node, view):
        return True
    rest = [view.full_name(each.func if isinstance(each, ast.Call) else each).rpartition(".")[2] for each in node.args]
    kinds = [each for each in rest if each and each not in ("ForeignKey", "Identity", "Computed", "Sequence")]
    return bool(kinds) or any(word.arg in ("type_", None) for word in node.keywords)


def maps_times(view: FileView) -> bool:
    """Whether a base in this file says what `datetime` is mapped to."""
    assigned = [target for each in view.every(ast.Assign) for target in each.targets]
    assigned += [each.target for each in view.every(ast.AnnAssign)]
    return any(name_of(each) == "type_annotation_map" for each in assigned)
