"""What a service offers to others: read from its routes and wire types, without importing them."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autional_cli.errors import AutionalError, ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

PREFIX = "/internal/"
SIMPLE = ("str", "int", "bool")


@dataclass(frozen=True, slots=True)
class Callee:
    """A called service: the path that tells about a user, and the field of its answer that is shown."""

    service: str
    path: str
    field: str
    kind: str


def read_callee(root: Path, service: str, others: Iterable[str]) -> Callee:
    """Return how `service` is asked about a user. Raises AutionalError when it cannot be, naming `others` that can."""
    found = find(root, service)
    if found is None:
        able = [name for name in others if find(root, name)]
        raise AutionalError(
            f"{service} has no route that tells another service about a user",
            hint=f"give services/{service}/routes.py a GET {PREFIX}…/{{user_id}} for Peer"
            + (f", or call one that has: {', '.join(able)}" if able else ""),
            exit_code=ExitCode.CONFIGURATION,
        )
    return found


def find(root: Path, service: str) -> Callee | None:
    """Return the first route of `service` for peers, by user id, with a field that can be shown."""
    folder = root / "services" / service
    for path, answer in user_routes(parsed(folder / "routes.py")):
        for name, kind in fields(parsed(folder / "dto.py"), answer):
            if kind in SIMPLE and name != "user_id":
                return Callee(service, f"/v1{path}", name, kind)
    return None


def parsed(path: Path) -> ast.Module:
    """Return the syntax tree of a file; an empty one where there is none."""
    return ast.parse(path.read_bytes() if path.exists() else b"")


def user_routes(module: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield path and name of the answer's type for each GET by user id that a `Peer` may call."""
    for node in module.body:
        if not isinstance(node, ast.AsyncFunctionDef | ast.FunctionDef):
            continue
        for_peers = any(isinstance(a.annotation, ast.Name) and a.annotation.id == "Peer" for a in node.args.args)
        for decorator in node.decorator_list:
            match decorator:
                case ast.Call(func=ast.Attribute(attr="get"), args=[ast.Constant(value=str(path)), *_]):
                    answer = enveloped(node.returns)
                    if for_peers and answer and path.startswith(PREFIX) and path.endswith("/{user_id}"):
                        yield path, answer


def enveloped(returns: ast.expr | None) -> str | None:
    """Return X of a return annotation `Envelope[X]`."""
    match returns:
        case ast.Subscript(value=ast.Name(id="Envelope"), slice=ast.Name(id=name)):
            return name
    return None


def fields(module: ast.Module, name: str) -> Iterator[tuple[str, str]]:
    """Yield name and type of the fields of a class, those of its bases in the same file first."""
    for node in module.body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            for base in node.bases:
                yield from fields(module, base.id if isinstance(base, ast.Name) else "")
            for line in node.body:
                match line:
                    case ast.AnnAssign(target=ast.Name(id=field), annotation=ast.Name(id=kind)):
                        yield field, kind
