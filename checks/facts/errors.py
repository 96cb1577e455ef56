"""Error codes: where they are registered, where they are raised, and every name a file uses (to find the unused)."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from checks.facts import FileView
from checks.facts.specs import literal, name_of
from checks.rule import Collector
from checks.sources import Source


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """One `NAME = CODES.register(number, "NAME", status, message)`; None for what is not a literal."""

    line: int
    last_line: int
    service: str
    variable: str
    number: int | None
    name: str | None
    status: int | None


@dataclass(frozen=True, slots=True)
class Retired:
    """One `CODES.retire(number, "NAME")`."""

    line: int
    service: str
    number: int | None
    name: str | None


@dataclass(frozen=True, slots=True)
class Raised:
    """One `ServiceError(CODE)`: the code as it is written, whether or not it is raised on the spot."""

    line: int
    service: str
    code: str
    symbol: str


class ErrorCodes(Collector):
    """Collects `ErrorCode`."""

    code = "error_codes"
    fact = ErrorCode

    def wants(self, source: Source) -> bool:
        return source.path.startswith("services/")

    def handlers(self) -> Mapping[type[ast.AST], Any]:
        return {ast.Assign: self.assign}

    def assign(self, node: ast.Assign, view: FileView) -> None:
        """Note a registration."""
        call = node.value
        if not isinstance(call, ast.Call) or not is_of_codes(call, "register"):
            return
        number, name, status = literals(call, 3)
        last = node.end_lineno or node.lineno
        view.note(ErrorCode(node.lineno, last, view.service, name_of(node.targets[0]), number, name, status))


class RetiredCodes(Collector):
    """Collects `Retired`."""

    code = "retired_codes"
    fact = Retired

    def wants(self, source: Source) -> bool:
        return source.path.startswith("services/")

    def handlers(self) -> Mapping[type[ast.AST], Any]:
        return {ast.Call: self.call}

    def call(self, node: ast.Call, view: FileView) -> None:
        """Note a number that is out of use."""
        if is_of_codes(node, "retire"):
            view.note(Retired(node.lineno, view.service, *literals(node, 2)))


def is_of_codes(call: ast.Call, method: str) -> bool:
    """Whether this is `CODES.method(…)`, of whichever module."""
    function = call.func
    return isinstance(function, ast.Attribute) and function.attr == method and name_of(function.value).endswith("CODES")


def literals(call: ast.Call, number: int) -> list[Any]:
    """Return the first arguments; None for what is missing or not a literal."""
    return ([literal(argument) for argument in call.args[:number]] + [None] * number)[:number]


def known(text: bytes) -> dict[int, str]:
    """Return number → name of what a module registers or retires. SyntaxError for what is no module."""
    calls = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call))
    found = (literals(call, 2) for call in calls if is_of_codes(call, "register") or is_of_codes(call, "retire"))
    return {number: name for number, name in found if isinstance(number, int) and isinstance(name, str)}


class Raises(Collector):
    """Collects `Raised`."""

    code = "raises"
    fact = Raised

    def wants(self, source: Source) -> bool:
        return source.path.startswith("services/")

    def handlers(self) -> Mapping[type[ast.AST], Any]:
        return {ast.Call: self.call}

    def call(self, node: ast.Call, view: FileView) -> None:
        """Note `ServiceError(…)`; of `A if x else B`, both."""
        if name_of(node.func).rpartition(".")[2] != "ServiceError":
            return
        given = node.args[:1] or [word.value for word in node.keywords if word.arg == "code"]
        for argument in given:
            chosen = [argument.body, argument.orelse] if isinstance(argument, ast.IfExp) else [argument]
            for expression in chosen:
                view.note(Raised(node.lineno, view.service, ast.unparse(expression), view.symbol))


class Names(Collector):
    """Collects every name that a file reads, once each, as text."""

    code = "names"

    def wants(self, source: Source) -> bool:
        return source.path.startswith(("services/", "autional_cli/"))

    def handlers(self) -> Mapping[type[ast.AST], Any]:
        return {ast.Module: self.module}

    def module(self, node: ast.Module, view: FileView) -> None:
        """Note all names in load position, and attributes."""
        names = {each.id for each in view.every(ast.Name) if type(each.ctx) is ast.Load}
        for name in sorted(names | {each.attr for each in view.every(ast.Attribute)}):
            view.note(name)
