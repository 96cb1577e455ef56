"""Files of at most 300 lines, functions of at most 50.

Harm: what does not fit on a few screens is read by nobody, and grows.
Rule: counted are lines as they stand; generated code (`services/contracts`) is
left out, and so are migrations: lists of operations that are never edited once released.
Fix: split by responsibility, not by size; a module is a noun, a function a verb.
Escape: `autional: ignore[ARC08] reason="…" until=…` on the first line of the file or of the function.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from checks.facts import FileView
from checks.model import Tier
from checks.rule import Rule
from checks.sources import Source

FILE, FUNCTION = 300, 50


class Arc08(Rule):
    """Files and functions stay short."""

    code = "ARC08"
    tier = Tier.P1
    title = "file ≤ 300 lines, function ≤ 50"

    def wants(self, source: Source) -> bool:
        return not source.path.startswith(("services/contracts/", "migrations/"))

    def examine(self, source: Source, view: FileView) -> None:
        view.examined()
        lines = source.data.count(b"\n") + (not source.data.endswith(b"\n") and bool(source.data))
        if lines > FILE:
            view.report(1, f"{lines} lines; {FILE} at most", symbol="file")

    def handlers(self) -> Mapping[type[ast.AST], Any]:
        return {ast.FunctionDef: self.function, ast.AsyncFunctionDef: self.function}

    def function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, view: FileView) -> None:
        """Measure one function, its decorators left out."""
        lines = (node.end_lineno or node.lineno) - node.lineno + 1
        if lines > FUNCTION:
            view.report(node, f"{node.name} has {lines} lines; {FUNCTION} at most", symbol=node.name)
