"""Imports: what each file imports, from where, and whether only for types."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from checks.facts import FileView
from checks.rule import Collector


@dataclass(frozen=True, slots=True)
class Import:
    """One imported module, or one name from a module (`name` is empty for `import module`).

    `known` is false where only the beginning of a module's name is: `import_module(f"services.{name}")`.
    """

    line: int
    module: str
    name: str
    alias: str
    typing_only: bool
    lazy: bool
    known: bool = True


class Imports(Collector):
    """Collects `Import`. As long as these are the same in all files, so is what is derived from them alone."""

    code = "imports"
    fact = Import

    def handlers(self) -> Mapping[type[ast.AST], Any]:
        return {ast.Import: self.plain, ast.ImportFrom: self.from_module}

    def plain(self, node: ast.Import, view: FileView) -> None:
        """Note `import a.b as c`."""
        for alias in node.names:
            view.note(Import(node.lineno, alias.name, "", alias.asname or alias.name, *circumstances(view)))

    def from_module(self, node: ast.ImportFrom, view: FileView) -> None:
        """Note `from a import b`, relative ones by their full name."""
        base = node.module or ""
        if node.level:
            package = view.path.removesuffix(".py").split("/")[: -node.level]
            base = ".".join([*package, *([base] if base else [])])
        for alias in node.names:
            view.note(Import(node.lineno, base, alias.name, alias.asname or alias.name, *circumstances(view)))


def circumstances(view: FileView) -> tuple[bool, bool]:
    """Return whether we are below `if TYPE_CHECKING:`, and whether inside a function."""
    typing_only = any(
        isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test, annotate_fields=False)
        for node in view.parents
    )
    return typing_only, view.function is not None
