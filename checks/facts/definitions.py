"""What the modules of our tree offer to others under another name: assignments of names, and constant texts."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from checks.facts import FileView
from checks.rule import Collector
from checks.sources import Source

OURS = ("services.", "autional_cli.", "checks.", "migrations.")
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
LONGEST = 200  # characters of a constant that others may put into a name


@dataclass(frozen=True, slots=True)
class Defined:
    """The names of one module. `aliases` stand for dotted names; `own` are told only where a star import is.

    `bases` are those classes of our tree that its classes are derived from, by dotted name; `methods` what those
    classes define themselves.
    """

    module: str
    aliases: dict[str, str]
    constants: dict[str, str]
    own: list[str]
    bases: dict[str, list[str]]
    methods: dict[str, list[str]]


class Definitions(Collector):
    """Collects `Defined`."""

    code = "defined"
    fact = Defined

    def wants(self, source: Source) -> bool:
        return source.path.startswith("services/")

    def handlers(self) -> Mapping[type[ast.AST], Any]:
        return {ast.Module: self.module}

    def module(self, node: ast.Module, view: FileView) -> None:
        """Note what a module assigns at its own level."""
        aliases: dict[str, str] = {}
        constants: dict[str, str] = {}
        own: list[str] = []
        for each in node.body:
            if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                own.append(each.name)
            if not isinstance(each, ast.Assign | ast.AnnAssign) or each.value is None:
                continue
            targets = each.targets if isinstance(each, ast.Assign) else [each.target]
            names = [target.id for target in targets if isinstance(target, ast.Name)]
            own += names
            texts = [text for text in view.texts.constants(each.value) if len(text) <= LONGEST]
            full = view.full_name(each.value) if isinstance(each.value, ast.Name | ast.Attribute | ast.Call) else ""
            for name in names:
                if texts and isinstance(each.value, ast.Constant | ast.JoinedStr | ast.BinOp):
                    constants[name] = texts[0]
                elif "." in full and not full.endswith("()"):
                    aliases[name] = full
        starred = any(each.names[0].name == "*" for each in view.every(ast.ImportFrom))
        bases = {
            view.names.path_of(each): ours
            for each in view.every(ast.ClassDef)
            if (ours := [name for name in map(view.full_name, each.bases) if name.startswith(OURS)])
        }
        methods = {
            view.names.path_of(each): [inner.name for inner in each.body if isinstance(inner, FUNCTIONS)]
            for each in view.every(ast.ClassDef)
            if view.names.path_of(each) in bases
        }
        if aliases or constants or starred or bases:
            view.note(Defined(view.module, aliases, constants, own if starred else [], bases, methods))
