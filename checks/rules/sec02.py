"""Every route says who may call it.

Harm: a route that somebody forgot to protect is found by whoever looks for one.
Rule: each route depends on `User`, `Visitor` (public, on purpose) or `Peer` (another service); routes under
`/v1/internal/` are for `Peer` alone, and no other route is. What is asked is the application as it is built, with raw
routes, mounts and middlewares; what adds those when the service runs is looked for in its code.
Not seen: a server of its own that a service opens on another port.
Fix: add `caller: User` (or `Visitor`, `Peer`) to the route's parameters; make a raw route one of `APIRouter`.
Escape: none; P0.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from typing import Any

from checks.facts import FileView
from checks.model import Finding, Lane, Tier
from checks.project import Project
from checks.rule import Rule
from checks.sources import Source

# Nothing that these add can say who may call it.
ADDING = frozenset({"add_route", "add_websocket_route", "add_middleware", "mount", "host", "frontend", "route"})
ADDING_TOO = frozenset({"websocket_route", "middleware", "append", "insert", "extend"})
RAW = re.compile(r"^(starlette\.routing\.(Route|WebSocketRoute|Mount|Host|Router)|starlette\.applications\.Starlette)$")
RAW_TOO = re.compile(r"^(fastapi\.(applications\.)?FastAPI|fastapi\.routing\.(Mount|Match|BaseRoute))$")
ROUTER = re.compile(r"(^|[._])(router|routers|api|app|application|fastapi|APIRouter|FastAPI|Starlette|Router)(\(\))?$")
CLASSES = re.compile(
    r"^(fastapi|starlette)\.(routing\.)?(APIRoute|APIWebSocketRoute|Route|BaseRoute|APIRouter|Router)$"
)
FRONT = "gateway"


class Sec02(Rule):
    """Routes declare their callers."""

    code = "SEC02"
    tier = Tier.P0
    title = "no route without auth that is not declared public"
    lane = Lane.CONTRACT

    def wants(self, source: Source) -> bool:
        return bool(source.service) and source.path.startswith("services/")

    def handlers(self) -> Mapping[type[ast.AST], Any]:
        return {
            ast.Call: self.call,
            ast.ClassDef: self.subclass,
            ast.AugAssign: self.assigned,
            ast.Assign: self.assigned,
            ast.Attribute: self.attribute,
        }

    def call(self, node: ast.Call, view: FileView) -> None:
        """Look at what adds something that is no route of FastAPI."""
        name = view.names.called(node)
        receiver, _, last = name.rpartition(".")
        last = last or getattr(node.func, "attr", "")
        if RAW.match(name) or RAW_TOO.match(name):
            view.report(node, f"{name} cannot say who may call it; use APIRouter")
        elif last == "with_front" and view.service != FRONT:
            view.report(
                node, f"what answers before the routes asks nobody who is calling; only the {FRONT} has a front"
            )
        elif name == "setattr" and view.texts.constants(node.args[1])[:1] in (["routes"], ["default"]):
            view.report(node, "what is put in by hand cannot say who may call it; use a route of APIRouter")
        elif last in ADDING | ADDING_TOO and is_adding(last, receiver):
            view.report(node, f"what {last} adds cannot say who may call it; use a route of APIRouter")

    def subclass(self, node: ast.ClassDef, view: FileView) -> None:
        """Look at classes of routes: one may answer without asking its dependencies."""
        if any(CLASSES.match(view.full_name(base)) for base in node.bases):
            view.report(node, f"{node.name} may answer without asking who is calling; use FastAPI's own class")

    def assigned(self, node: ast.Assign | ast.AugAssign, view: FileView) -> None:
        """Look at `router.routes += […]`, and at what is asked when no route matches."""
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            held = target.value if isinstance(target, ast.Subscript) else target
            by_hand = isinstance(held, ast.Attribute) and held.attr in ("routes", "default")
            if by_hand and ROUTER.search(view.full_name(held).rpartition(".")[0]):
                view.report(node, "what is put in by hand cannot say who may call it; use a route of APIRouter")

    def attribute(self, node: ast.Attribute, view: FileView) -> None:
        """Look at `app.dependency_overrides`, with which anybody becomes somebody."""
        if node.attr == "dependency_overrides":
            view.report(node, "dependency_overrides takes away the question who is calling; it is for tests")

    def judge(self, project: Project) -> Iterator[Finding]:
        for contract in project.contract.services.values():
            for each in contract.operations:
                project.examined(self.code)
                what = f"{each.method} {each.route}"
                internal = "/internal/" in each.route
                if not each.callers:
                    message = f"{what} does not say who may call it; take User, Visitor or Peer"
                elif internal and each.callers != ["peer"]:
                    message = f"{what} is internal, and is open to {' and '.join(each.callers)}"
                elif not internal and "peer" in each.callers:
                    message = f"{what} takes a Peer, but the gateway routes there; put it under /v1/internal/"
                else:
                    continue
                yield self.finding(each.path, each.line, message, symbol=each.function)


def is_adding(last: str, receiver: str) -> bool:
    """Whether a method adds a route: of whatever router it is of, or of its list of routes."""
    if last in ("append", "insert", "extend"):
        return receiver.endswith(".routes") and bool(ROUTER.search(receiver.removesuffix(".routes")))
    return last in ("add_route", "add_websocket_route") or bool(ROUTER.search(receiver))
