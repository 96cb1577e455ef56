"""Routes: every `@router.get("/path")` of a service, with what its function takes and returns."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from checks.facts import FileView
from checks.facts.specs import literal, name_of
from checks.rule import Collector
from checks.sources import Source

METHODS = frozenset({"get", "put", "post", "delete", "patch", "head", "options", "trace"})


@dataclass(frozen=True, slots=True)
class Route:
    """One route. `path` includes the router's prefix; annotations are source text; `options` the decorator's."""

    line: int
    service: str
    method: str
    path: str
    function: str
    takes: dict[str, str]
    returns: str
    options: dict[str, str]


class Routes(Collector):
    """Collects `Route`. Routers are `APIRouter(prefix=…)` assigned to a name in the same file."""

    code = "routes"
    fact = Route

    def wants(self, source: Source) -> bool:
        return source.path.startswith("services/")

    def handlers(self) -> Mapping[type[ast.AST], Any]:
        return {ast.FunctionDef: self.function, ast.AsyncFunctionDef: self.function}

    def function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, view: FileView) -> None:
        """Note a function with a route's decorator."""
        for decorator in node.decorator_list:
            if not isinstance(decorator, ast.Call) or not isinstance(decorator.func, ast.Attribute):
                continue
            path = literal(decorator.args[0]) if decorator.args else None
            if decorator.func.attr not in METHODS or not isinstance(path, str):
                continue
            prefix = prefixes(view.tree).get(name_of(decorator.func.value), "")
            arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            takes = {one.arg: ast.unparse(one.annotation) if one.annotation else "" for one in arguments}
            returns = ast.unparse(node.returns) if node.returns else ""
            options = {word.arg: ast.unparse(word.value) for word in decorator.keywords if word.arg}
            method = decorator.func.attr.upper()
            view.note(Route(node.lineno, view.service, method, prefix + path, node.name, takes, returns, options))


def prefixes(tree: ast.Module) -> dict[str, str]:
    """Return the prefix of each router that a file makes, by name."""
    found: dict[str, str] = {}
    for node in tree.body:
        if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Call):
            continue
        if name_of(node.value.func).rpartition(".")[2] in ("APIRouter", "FastAPI"):
            words = {word.arg: literal(word.value) for word in node.value.keywords}
            found |= {name_of(target): str(words.get("prefix") or "") for target in node.targets}
    return found
