"""Tables: what models declare, and whose tables SQL texts and foreign keys speak of."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from checks.facts import FileView
from checks.facts.specs import literal, name_of
from checks.rule import Collector
from checks.sources import Source

SPOKEN = re.compile(r"\b(?:FROM|JOIN|INTO|UPDATE|TABLE)\s+(?:ONLY\s+)?\"?([a-z_][a-z0-9_]*)\"?", re.IGNORECASE)
STATEMENT = re.compile(r"^\s*(select|insert|update|delete|with|create|alter|drop|truncate|copy|lock)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Table:
    """One mapped class. `foreign` are `[column, target, line]`; `indexed` the leading columns of indexes and keys."""

    line: int
    service: str
    model: str
    table: str
    bases: list[str]
    foreign: list[list[Any]]
    indexed: list[str]


class Tables(Collector):
    """Collects `Table`."""

    code = "tables"
    fact = Table

    def wants(self, source: Source) -> bool:
        return bool(source.service) and source.path.startswith("services/")

    def handlers(self) -> Mapping[type[ast.AST], Any]:
        return {ast.ClassDef: self.model}

    def model(self, node: ast.ClassDef, view: FileView) -> None:
        """Note a class with `__tablename__`."""
        assigned = {name_of(t): each for each in node.body if isinstance(each, ast.Assign) for t in each.targets}
        if "__tablename__" not in assigned:
            return
        foreign: list[list[Any]] = []
        indexed: list[str] = []
        for each in node.body:
            if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name):
                read_column(each, foreign, indexed)
        if "__table_args__" in assigned:
            indexed += leading_columns(assigned["__table_args__"].value)
        name = str(literal(assigned["__tablename__"].value))
        bases = [name_of(base) for base in node.bases]
        view.note(Table(node.lineno, view.service, node.name, name, bases, foreign, indexed))


def read_column(node: ast.AnnAssign, foreign: list[list[Any]], indexed: list[str]) -> None:
    """Note the foreign key of a column, and whether it is indexed by itself."""
    column = name_of(node.target)
    for call in (each for each in ast.walk(node) if isinstance(each, ast.Call)):
        if name_of(call.func).rpartition(".")[2] == "ForeignKey" and call.args:
            foreign.append([column, str(literal(call.args[0])), call.lineno])
        words = {word.arg: literal(word.value) for word in call.keywords}
        if words.get("index") or words.get("unique") or words.get("primary_key"):
            indexed.append(column)


def leading_columns(node: ast.AST) -> Iterator[str]:
    """Yield the first column of each index and key in `__table_args__`."""
    for call in (each for each in ast.walk(node) if isinstance(each, ast.Call)):
        kind = name_of(call.func).rpartition(".")[2]
        columns = [literal(argument) for argument in call.args]
        texts = [column for column in columns if isinstance(column, str)]
        start = 1 if kind == "Index" else 0
        if kind in ("Index", "UniqueConstraint", "PrimaryKeyConstraint") and len(texts) > start:
            yield texts[start]


@dataclass(frozen=True, slots=True)
class Spoken:
    """A table that a SQL text or a revision names."""

    line: int
    service: str
    table: str


class SpokenTables(Collector):
    """Collects `Spoken`."""

    code = "spoken"
    fact = Spoken

    def wants(self, source: Source) -> bool:
        return bool(source.service)

    def handlers(self) -> Mapping[type[ast.AST], Any]:
        return {ast.Constant: self.text}

    def text(self, node: ast.Constant, view: FileView) -> None:
        """Note the tables in a text that begins like a statement."""
        if isinstance(node.value, str) and STATEMENT.match(node.value):
            for name in sorted(set(SPOKEN.findall(node.value))):
                view.note(Spoken(node.lineno, view.service, name.lower()))
