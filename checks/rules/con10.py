"""A call between services is one that the other answers.

Harm: the two sides of a call are changed by two people; the first request in production finds out.
Rule: `client.call("<service>", "<METHOD>", "<path>")` names a service of this one's `SPEC.calls` and an operation of
that service; `grpc_client("<service>", …)` names one that serves gRPC. Paths may have values put in. An operation under
`/v1/internal/` stands in `SPEC.invokes`, or its callee refuses it.
Fix: declare the call, or mend method and path.
Escape: none; P0.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from typing import Any

from checks.facts import FileView
from checks.facts.specs import literal
from checks.model import Finding, Lane, Tier
from checks.project import Project
from checks.rule import Rule
from checks.sources import Source

CALLS = frozenset({"call", "document"})
INTERNAL = "/v1/internal/"
VALUE = re.compile(r"\{[^}]*\}")


class Con10(Rule):
    """Calls meet contracts. The per-file part notes calls, `judge` compares."""

    code = "CON10"
    tier = Tier.P0
    title = "a call between services exists in the target's contract"
    lane = Lane.CONTRACT

    def wants(self, source: Source) -> bool:
        return bool(source.service) and source.path.startswith("services/")

    def applies(self, project: Project) -> bool:
        return any(spec.calls for spec in project.specs.values())

    def handlers(self) -> Mapping[type[ast.AST], Any]:
        return {ast.Call: self.call}

    def call(self, node: ast.Call, view: FileView) -> None:
        """Note a call whose target is written down."""
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        if name != "grpc_client" and name not in CALLS:
            return
        target = literal(node.args[0]) if node.args else None
        if not isinstance(target, str):
            return
        note = {"line": node.lineno, "caller": view.service, "target": target, "symbol": view.symbol}
        if name == "grpc_client":
            view.note(note | {"method": "", "path": ""})
        elif name in CALLS and len(node.args) == 3:
            path = pattern(node.args[2], view.function)
            view.note(note | {"method": literal(node.args[1]), "path": path})

    def judge(self, project: Project) -> Iterator[Finding]:
        contracts = project.contract.services
        for path, note in project.notes(self.code):
            project.examined(self.code)
            problem = self.problem(project, note, contracts)
            if problem:
                yield self.finding(path, note["line"], problem, symbol=note["symbol"])

    @staticmethod
    def problem(project: Project, note: dict[str, Any], contracts: Mapping[str, Any]) -> str:
        """Return what is wrong with one call, empty if nothing is."""
        caller, target = project.specs.get(note["caller"]), project.specs.get(note["target"])
        if target is None:
            return f"there is no service {note['target']}"
        if caller is not None and target.service not in caller.calls:
            return f"SPEC.calls of {caller.service} does not name {target.service}"
        if not note["method"]:
            return "" if target.serves_grpc else f"{target.service} does not serve gRPC"
        if note["path"] is None or contracts[target.service].error:
            return ""
        wanted = (note["method"], VALUE.sub("{}", note["path"]))
        known = {(one.method, VALUE.sub("{}", one.route)) for one in contracts[target.service].operations}
        if wanted not in known:
            return f"{target.service} has no {note['method']} {note['path']}"
        operation = f"{target.service} {wanted[0]} {wanted[1]}"
        declared = {VALUE.sub("{}", each) for each in caller.invokes} if caller is not None else {operation}
        if wanted[1].startswith(INTERNAL) and operation not in declared:
            return f"SPEC.invokes of {note['caller']} does not name {operation}"
        return ""


def pattern(node: ast.AST, function: ast.AST | None) -> str | None:
    """Return a path with `{}` for values; None for one that only running would tell."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value.partition("?")[0]
    if isinstance(node, ast.JoinedStr):
        parts = [str(each.value) if isinstance(each, ast.Constant) else "{}" for each in node.values]
        return "".join(parts).partition("?")[0]
    if isinstance(node, ast.Name) and function is not None:
        for each in ast.walk(function):
            if isinstance(each, ast.Assign) and any(isinstance(t, ast.Name) and t.id == node.id for t in each.targets):
                return pattern(each.value, None)
    return None
