"""SPECs: what each `services/<name>/service.py` declares, read from its syntax, so that a broken one is a fact too."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from checks.facts import FileView
from checks.rule import Collector
from checks.sources import Source


@dataclass(frozen=True, slots=True)
class Spec:
    """One ServiceSpec. `lines` says where each keyword stands; `error_codes` is `[first, after_last]`."""

    service: str
    line: int
    name: str = ""
    port: int = 0
    database: str = "none"
    error_codes: list[int] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    invokes: list[str] = field(default_factory=list)
    publishes: list[str] = field(default_factory=list)
    consumes: list[str] = field(default_factory=list)
    resources: list[str] = field(default_factory=list)
    serves_grpc: bool = False
    background: bool = False
    summary: str = ""
    lines: dict[str, int] = field(default_factory=dict)


class Specs(Collector):
    """Collects `Spec`."""

    code = "specs"
    fact = Spec

    def wants(self, source: Source) -> bool:
        return bool(source.service) and source.path == f"services/{source.service}/service.py"

    def handlers(self) -> Mapping[type[ast.AST], Any]:
        return {ast.Call: self.call}

    def call(self, node: ast.Call, view: FileView) -> None:
        """Note `ServiceSpec(…)`."""
        if name_of(node.func) != "ServiceSpec":
            return
        known = set(Spec.__dataclass_fields__) - {"service", "line", "lines"}
        values: dict[str, Any] = {}
        lines = {word.arg: word.value.lineno for word in node.keywords if word.arg}
        for word in node.keywords:
            if word.arg in known:
                value = literal(word.value)
                values[word.arg] = list(value) if isinstance(value, tuple) else value
        view.note(Spec(view.service, node.lineno, lines=lines, **{k: v for k, v in values.items() if v is not None}))


def name_of(node: ast.AST) -> str:
    """Return the dotted name that an expression is, empty for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        inner = name_of(node.value)
        return f"{inner}.{node.attr}" if inner else ""
    return ""


def literal(node: ast.AST) -> Any:
    """Return the value of a literal, `range(a, b)` as `(a, b)`; None for what must be run to be known."""
    if isinstance(node, ast.Call) and name_of(node.func) == "range":
        return tuple(literal(argument) for argument in node.args)
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError):
        return None
