"""Vulture, for what a file defines and uses: its own visitors, called for the nodes that the one walk has met."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checks.model import IncompleteError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from checks.facts import FileView

# What vulture has a visitor for, but for imports, arguments and variables: those are not asked of it.
VISITED = (
    ast.Attribute, ast.BinOp, ast.Call, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef, ast.Name, ast.Assign,
    ast.MatchClass,
)  # fmt: skip
TYPE_COMMENT = re.compile(rb"#\s*type:(?!\s*ignore)")


def names(view: FileView, frameworks: Sequence[str]) -> Any:
    """Return a Vulture that has seen a file: `used_names`, `defined_funcs` and so on. IncompleteError without it."""
    seen = visitor()(ignore_decorators=list(frameworks))
    source = view.source
    if TYPE_COMMENT.search(source.data):  # names in those are found by its own parse alone
        seen.scan(source.text, filename=Path(view.path))
        return seen
    seen.filename = Path(view.path)
    seen.see(source.lines if b"noqa" in source.data.lower() else [])
    for kind in VISITED:
        visit = getattr(seen, f"visit_{kind.__name__}")
        for node in view.every(kind):
            visit(node)
    seen.used_names.update(each.name for each in view.every(ast.alias) if each.asname)
    return seen


@functools.cache
def visitor() -> Any:
    """Return the class of what looks at a file."""
    try:
        from vulture import Vulture, noqa
    except ImportError as failure:
        raise IncompleteError(f"vulture is not installed: {failure}", hint="pip install 'autional[checks]'") from None

    class Visitor(Vulture):  # type: ignore[misc]
        """Vulture without a record of variables, which nobody asks for."""

        def see(self, lines: Sequence[str]) -> None:
            """Read the file's `noqa` comments."""
            self.noqa_lines = noqa.parse_noqa(lines)

        def _define_variable(self, name: str, node: ast.AST, confidence: int = 0) -> None:
            return

    return Visitor
