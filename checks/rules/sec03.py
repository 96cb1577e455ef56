"""SQL is never put together from text.

Harm: injection: whoever controls the text controls the database (CWE-89).
Rule: no f-string, `%`, `+` or `.format` with a value in what is given to `text`, `execute`, `op.execute`,
`exec_driver_sql`, `fetch` and the like. Constants in capitals may be put in.
Fix: bind parameters; for names, SQLAlchemy's own objects or `quoted_name`.
Escape: none; P0.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from checks.facts import FileView
from checks.model import Tier
from checks.rule import Rule
from checks.sources import Source

TAKES_SQL = frozenset(
    {"text", "execute", "executemany", "exec_driver_sql", "fetch", "fetchval", "fetchrow", "scalar", "scalars", "DDL"}
)
SQL = (
    "select ",
    "insert ",
    "update ",
    "delete ",
    "create ",
    "alter ",
    "drop ",
    "truncate ",
    "grant ",
    "copy ",
    "with ",
)


class Sec03(Rule):
    """No interpolated SQL."""

    code = "SEC03"
    tier = Tier.P0
    title = "no interpolated SQL"

    def wants(self, source: Source) -> bool:
        return bool(source.service) or source.path.startswith("services/chassis/")

    def applies(self, project: Any) -> bool:
        return any(spec.database == "postgres" for spec in project.specs.values())

    def handlers(self) -> Mapping[type[ast.AST], Any]:
        return {ast.Call: self.call}

    def call(self, node: ast.Call, view: FileView) -> None:
        """Look at what is given to a function that takes SQL."""
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name not in TAKES_SQL or not node.args:
            return
        view.examined()
        pieces = list(put_in(node.args[0]))
        if looks_like_sql(node.args[0]) and any(not is_constant(piece) for piece in pieces):
            view.report(node, f"{name} is given SQL with {ast.unparse(pieces[0])} put into it; bind a parameter")


def put_in(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the values that an expression puts into a text."""
    if isinstance(node, ast.JoinedStr):
        yield from (part.value for part in node.values if isinstance(part, ast.FormattedValue))
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
        yield node.right
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        for side in (node.left, node.right):
            if not isinstance(side, ast.Constant | ast.JoinedStr | ast.BinOp):
                yield side
            yield from put_in(side)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format":
        yield from (*node.args, *(word.value for word in node.keywords))


def is_constant(node: ast.AST) -> bool:
    """Whether a value is a literal or a constant by its name."""
    if isinstance(node, ast.Tuple):
        return all(is_constant(each) for each in node.elts)
    name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
    return isinstance(node, ast.Constant) or name.strip("_").isupper()


def looks_like_sql(node: ast.AST) -> bool:
    """Whether any literal part of an expression begins like a statement."""
    parts = [n.value for n in ast.walk(node) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    return any(part.lstrip().lower().startswith(SQL) for part in parts)
