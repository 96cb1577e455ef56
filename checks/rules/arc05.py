"""Factories make what they are registered for.

Harm: a factory of the wrong type is found at run time, in the one process that takes that path.
Rule: `build` of a service takes `settings: Settings` and returns `Application`; the factory in
`Annotated[T, Depends(factory)]` returns `T`; a consumer registered for an event type is `async`, takes the unit of work
and the event, and returns nothing.
Fix: annotate and mend the factory; a suggestion says what was expected.
Escape: `autional: ignore[ARC05] reason="…" until=…` on the registration.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from checks.facts import FileView
from checks.facts.specs import name_of
from checks.model import Fix, Tier
from checks.rule import Rule
from checks.sources import Source

Function = ast.FunctionDef | ast.AsyncFunctionDef
ANY = frozenset({"Any", "object"})


class Arc05(Rule):
    """Factories match their protocol."""

    code = "ARC05"
    tier = Tier.P1
    title = "a registered factory matches its protocol"
    aliases = ("check-factory-types",)

    def wants(self, source: Source) -> bool:
        return bool(source.service) and source.path.startswith("services/")

    def handlers(self) -> Mapping[type[ast.AST], Any]:
        return {ast.FunctionDef: self.build, ast.AsyncFunctionDef: self.consumer, ast.Subscript: self.dependency}

    def build(self, node: ast.FunctionDef, view: FileView) -> None:
        """Compare `build` of a service with its protocol."""
        if node.name != "build" or not view.path.endswith("/service.py") or view.symbol:
            return
        view.examined()
        takes = [ast.unparse(each.annotation) if each.annotation else "" for each in node.args.args]
        returns = ast.unparse(node.returns) if node.returns else ""
        if [text.strip("'\"") for text in (*takes, returns)] != ["Settings", "Application"]:
            wanted = "def build(settings: Settings) -> Application"
            view.report(node, f"build is not of the form {wanted}", fix=Fix(f"write {wanted}"), symbol="build")

    def consumer(self, node: ast.AsyncFunctionDef, view: FileView) -> None:
        """Compare a consumer, known by its event parameter, with its protocol."""
        if not view.path.endswith("/events.py") or view.symbol:
            return
        takes = [ast.unparse(each.annotation) if each.annotation else "" for each in node.args.args]
        if "Event" not in takes:
            return
        view.examined()
        returns = ast.unparse(node.returns) if node.returns else ""
        if takes != ["UnitOfWork", "Event"] or returns != "None":
            wanted = f"async def {node.name}(unit: UnitOfWork, event: Event) -> None"
            view.report(
                node, f"this consumer is not of the form {wanted}", fix=Fix(f"write {wanted}"), symbol=node.name
            )

    def dependency(self, node: ast.Subscript, view: FileView) -> None:
        """Compare `Annotated[T, Depends(factory)]` with the factory, where it stands in the same file."""
        if name_of(node.value).rpartition(".")[2] != "Annotated" or not isinstance(node.slice, ast.Tuple):
            return
        wanted, *extras = node.slice.elts
        for call in extras:
            if not isinstance(call, ast.Call) or name_of(call.func).rpartition(".")[2] != "Depends" or not call.args:
                continue
            factory = function_named(view.tree, name_of(call.args[0]))
            if factory is None:
                continue
            view.examined()
            type_, returns = ast.unparse(wanted), ast.unparse(factory.returns) if factory.returns else "nothing"
            if returns != type_ and type_ not in ANY:
                message = f"{factory.name} returns {returns}, but is registered for {type_}"
                view.report(node, message, fix=Fix(f"annotate {factory.name} -> {type_}"), symbol=factory.name)


def function_named(tree: ast.Module, name: str) -> Function | None:
    """Return the function of this name at the top of a module."""
    return next((node for node in tree.body if isinstance(node, Function) and node.name == name), None)
