"""What is known of one file after the walk: facts that rules share, and what each rule noted for itself."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar, cast

from checks.model import Fix
from checks.names import Names

if TYPE_CHECKING:
    from checks.sources import Source
    from checks.texts import Texts

Node = TypeVar("Node", bound=ast.AST)
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(slots=True)
class FileRecord:
    """The result of examining one file; everything in it is JSON, because it is cached.

    `findings` are `[code, line, column, message, symbol, fix, text]`; `notes` and `subjects` are by rule or fact.
    """

    path: str
    problem: str = ""
    notes: dict[str, list[Any]] = field(default_factory=dict)
    findings: list[list[Any]] = field(default_factory=list)
    subjects: dict[str, int] = field(default_factory=dict)
    suppressions: list[dict[str, Any]] = field(default_factory=list)


class FileView:
    """One file as one collector sees it while the walk goes by: where we are, and where to put what is found."""

    __slots__ = ("_record", "_walk", "code", "source")

    def __init__(self, code: str, source: Source, record: FileRecord, walk: Walk) -> None:
        self.code = code
        self.source = source
        self._record = record
        self._walk = walk

    @property
    def path(self) -> str:
        """The file's path in the workspace."""
        return self.source.path

    @property
    def service(self) -> str:
        """The service whose code or migrations this is; empty for the rest."""
        return self.source.service

    @property
    def module(self) -> str:
        """The dotted name under which this file is imported."""
        parts = self.source.path.removesuffix(".py").split("/")
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @property
    def tree(self) -> ast.Module:
        """The whole syntax tree."""
        return self._walk.tree

    def every(self, kind: type[Node]) -> Sequence[Node]:
        """Return all nodes of the file that are of this type, in the order of the source."""
        return cast("Sequence[Node]", self._walk.kinds.get(kind, ()))

    @property
    def parents(self) -> list[ast.AST]:
        """The nodes around the present one, the module first, the nearest last."""
        return self._walk.parents

    @property
    def parent(self) -> ast.AST:
        """The node around the present one."""
        return self._walk.above[self._walk.node or self._walk.tree]

    @property
    def function(self) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
        """The nearest function around the present node."""
        for node in reversed(self._walk.parents):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                return node
        return None

    @property
    def scope(self) -> ast.AST:
        """The nearest function, lambda, class or module around the present node."""
        return self.names.scope_of(self._walk.node or self._walk.tree)

    @property
    def symbol(self) -> str:
        """The functions and classes around the present node, as `Class.method`."""
        return ".".join(node.name for node in self._walk.parents if isinstance(node, SCOPES))

    @property
    def names(self) -> Names:
        """What the names of this file stand for."""
        return self._walk.names or self._walk.names_as(self.module, package=self.path.endswith("__init__.py"))

    @property
    def texts(self) -> Texts:
        """The texts that this file's expressions make."""
        return self.names.texts

    def full_name(self, node: ast.AST) -> str:
        """Return the dotted name of an expression, whatever it was imported as: `sa.text` → `sqlalchemy.text`.

        Empty for what has no name. A local name that is not known stays as it is.
        """
        return self.names.of(node)

    def note(self, value: Any) -> None:
        """Keep something for `judge`. It must be JSON, or a dataclass of it."""
        self._record.notes.setdefault(self.code, []).append(value)

    def examined(self, count: int = 1) -> None:
        """Count subjects: what the rule has looked at. A rule that looked at nothing is CHK00."""
        self._record.subjects[self.code] = self._record.subjects.get(self.code, 0) + count

    def reported(self, line: int, symbol: str) -> bool:
        """Whether this rule has reported a finding of that symbol on a line."""
        return any(row[0] == self.code and row[1] == line and row[4] == symbol for row in self._record.findings)

    def report(self, at: ast.AST | int, message: str, *, fix: Fix | None = None, symbol: str | None = None) -> None:
        """Report a finding at a node or a line of this file."""
        line = at if isinstance(at, int) else getattr(at, "lineno", 0)
        column = 0 if isinstance(at, int) else getattr(at, "col_offset", -1) + 1
        lines = self.source.lines
        text = lines[line - 1].strip() if 0 < line <= len(lines) else ""
        name = self.symbol if symbol is None else symbol
        packed = fix.to_json() if fix else None
        self._record.findings.append([self.code, line, column, message, name, packed, text])


@dataclass(slots=True)
class Walk:
    """Where the walk over one tree is, and what `checks/walk.py` noted of it: nodes by type, and what is above each."""

    tree: ast.Module
    node: ast.AST | None = None
    kinds: Mapping[type[ast.AST], list[ast.AST]] = field(default_factory=dict)
    above: dict[ast.AST, ast.AST] = field(default_factory=dict)
    hits: list[ast.AST] = field(default_factory=list)
    names: Names | None = None

    def names_as(self, module: str, *, package: bool) -> Names:
        """Return what the file's names stand for; it is the same for everybody who looks at the file."""
        self.names = Names(self, module, package=package)
        return self.names

    @property
    def parents(self) -> list[ast.AST]:
        """The nodes around the present one, the module first."""
        found: list[ast.AST] = []
        node = self.above.get(self.node) if self.node else None
        while node is not None:
            found.append(node)
            node = self.above.get(node)
        return found[::-1]
