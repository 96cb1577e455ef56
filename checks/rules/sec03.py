"""SQL is never put together from text.

Harm: injection: whoever controls the text controls the database (CWE-89).
Rule: no f-string, `%`, `+`, `.format`, `join` or `replace` with a value in what is given to `text`, `execute`,
`op.execute`, `exec_driver_sql`, `fetch` and the like, under whatever name; through variables, and through one helper
that gives its argument on or returns what it put together. Constants in capitals may be put in.
Not seen: text that is put together two helpers away, or in another process; a method that is called by a computed name.
ruff's S608 is not asked: it goes by the text alone, and takes a sentence that begins with "select" for a statement.
Fix: bind parameters; for names, SQLAlchemy's own objects or `quoted_name`.
Escape: none; P0.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from typing import Any

from checks.facts import FileView
from checks.model import Finding, Tier
from checks.project import Project
from checks.resolution import arguments, is_ours, met, note_given, note_sink, position
from checks.rule import Rule
from checks.sources import Source
from checks.texts import Text

# Whatever these are given is SQL, or a part of it.
MAKERS = frozenset({"text", "literal_column", "TextClause", "DDL"})
CERTAIN = frozenset({"exec_driver_sql", "executescript"})
METHODS = CERTAIN | frozenset(
    {"execute", "executemany", "fetch", "fetchval", "fetchrow", "fetchmany", "scalar", "scalars", "stream", "prepare"}
    | {"stream_scalars", "from_statement", "copy_from_query", "cursor", "scalar_one", "mogrify", "iterate", "fetch_all"}
)
KEYWORDS = frozenset({"text", "statement", "query", "sql", "sqltext", "clause", "operation", "command"})
BEGINNING = re.compile(
    r"^(\s|--[^\n]*\n|/\*.*?\*/|\()*((select|insert|update|delete|create|alter|drop|truncate|grant|revoke|copy|merge|"
    r"explain|vacuum|reindex|notify|listen|refresh|cluster|analyze)\s|with\s+(recursive\s+)?\w+\s*(\(.*?\)\s*)?as\b|"
    r"(lock|comment)\s+(on|table)\s|call\s+\w+\s*\(|do\s+\$|values\s*\(|set\s+((local|session|role)\b|\w+\s*(=|to\b)))",
    re.IGNORECASE | re.DOTALL,
)
CLAUSE = re.compile(
    r"\b(from\s+\S+\s+where|insert\s+into|delete\s+from|order\s+by|group\s+by|union\s+(all\s+)?select|create\s+table)\b",
    re.IGNORECASE,
)


class Sec03(Rule):
    """No interpolated SQL."""

    code = "SEC03"
    tier = Tier.P0
    title = "no interpolated SQL"

    def wants(self, source: Source) -> bool:
        return bool(source.service) or source.path.startswith("services/chassis/")

    def applies(self, project: Project) -> bool:
        return any(spec.database == "postgres" for spec in project.specs.values())

    def handlers(self) -> Mapping[type[ast.AST], Any]:
        return {ast.Call: self.call, ast.Return: self.result, ast.Lambda: self.result}

    def call(self, node: ast.Call, view: FileView) -> None:
        """Look at what is given to a function that takes SQL, and note what is given to one of ours."""
        name = view.names.called(node)
        last = name.rpartition(".")[2] or (node.func.attr if isinstance(node.func, ast.Attribute) else "")
        if is_ours(name) and (name.rpartition(".")[0].endswith("()") or last not in METHODS):
            self.ours(node, view, last)
        elif (last in MAKERS and name.startswith("sqlalchemy")) or last in METHODS:
            view.examined()
            sure = last in MAKERS or last in CERTAIN or name == "alembic.op.execute"
            for place, value in arguments(node, view):
                if place == 0 or place in KEYWORDS:
                    self.sql(node, value, view, last, sure=sure)

    @staticmethod
    def sql(node: ast.Call, value: ast.AST, view: FileView, taker: str, *, sure: bool) -> None:
        """Look at one text that is SQL."""
        for text in view.texts.of(value):
            pieces = put_in(text, view)
            if pieces and (sure or looks_like_sql(text)):
                view.report(node, f"{taker} is given SQL with {ast.unparse(pieces[0])} put into it; bind a parameter")
                return
            for piece in text if len(text) == 1 else ():
                if isinstance(piece, ast.Name):
                    note_sink(view, piece, taker)
                made = piece.value if isinstance(piece, ast.Await) else piece
                asked = view.names.called(made) if isinstance(made, ast.Call) else ""
                asked = view.full_name(made) if isinstance(made, ast.Attribute) else asked
                if is_ours(asked):  # a property is asked without a call
                    view.note({"asks": asked, "taker": taker, **position(view, node)})

    def ours(self, node: ast.Call, view: FileView, last: str) -> None:
        """Note what a function of ours is given that it may hand on."""
        for place, value in arguments(node, view):
            for text in view.texts.of(value) if not isinstance(value, ast.Constant) else ():
                pieces = put_in(text, view)
                # A re-exported `text` takes parts of statements too, and nothing else is called so.
                if pieces and looks_like_sql(text):
                    note_given(view, node, place, ast.unparse(pieces[0]))
                    break

    def result(self, node: ast.Return | ast.Lambda, view: FileView) -> None:
        """Note a function that returns SQL with a value put in."""
        value = node.body if isinstance(node, ast.Lambda) else node.value
        if value is None or isinstance(value, ast.Constant):
            return
        for text in view.texts.of(value):
            pieces = put_in(text, view)
            if pieces and looks_like_sql(text):
                maker = node if isinstance(node, ast.Lambda) else view.scope
                view.note({"makes": view.names.path_of(maker), "piece": ast.unparse(pieces[0])})
                return

    def judge(self, project: Project) -> Iterator[Finding]:
        notes = list(project.notes(self.code))
        makes = {note["makes"]: note["piece"] for _, note in notes if "makes" in note}
        for path, note in notes:
            piece = makes.get(project.names.function(note["asks"])) if makes and "asks" in note else None
            if piece:
                message = f"{note['taker']} is given SQL that {note['asks']} puts {piece} into; bind a parameter"
                yield self.finding(path, note["line"], message, symbol=note["symbol"])
            if "given" in note and is_maker(project.names.name(note["given"])):
                message = f"{note['given']} is given SQL with {note['what']} put into it; bind a parameter"
                yield self.finding(path, note["line"], message, symbol=note["symbol"])
        for path, note, taker in met(project, self.code):
            message = f"{note['given']} hands SQL with {note['what']} put into it to {taker}; bind a parameter"
            yield self.finding(path, note["line"], message, symbol=note["symbol"])


def is_maker(name: str) -> bool:
    """Whether a name is SQLAlchemy's or Alembic's for what takes SQL."""
    last = name.rpartition(".")[2]
    return name == "alembic.op.execute" or (name.startswith("sqlalchemy") and last in MAKERS | METHODS)


def put_in(text: Text, view: FileView) -> list[ast.AST]:
    """Return the values that are put into a text; none for what is only a value."""
    if not any(isinstance(part, str) and part.strip() for part in text):
        return []
    return [part for part in text if isinstance(part, ast.AST) and not is_constant(part, view)]


def is_constant(node: ast.AST, view: FileView) -> bool:
    """Whether a value is a literal or a constant by its name; a parameter is none, however it is written."""
    if isinstance(node, ast.Tuple):
        return all(is_constant(each, view) for each in node.elts)
    name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
    return isinstance(node, ast.Constant) or (name.strip("_").isupper() and view.names.parameter(node) is None)


def looks_like_sql(text: Text) -> bool:
    """Whether a text reads like a statement."""
    whole = "".join(part if isinstance(part, str) else " x " for part in text)
    return bool(BEGINNING.match(whole) or CLAUSE.search(whole))
