"""Events: what is published, with which fields, as far as the code says it without being run."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from checks.facts import FileView
from checks.facts.specs import literal, name_of
from checks.rule import Collector
from checks.sources import Source

Function = ast.FunctionDef | ast.AsyncFunctionDef
TYPES = {
    "str": "string",
    "UUID": "string",
    "int": "integer",
    "float": "number",
    "bool": "boolean",
    "datetime": "string",
}


@dataclass(frozen=True, slots=True)
class Published:
    """One `unit.publish(type, subject, data)`. `data` maps fields to JSON types; None when it cannot be told."""

    line: int
    service: str
    type: str
    receiver: str
    symbol: str
    data: dict[str, str] | None


class Publishes(Collector):
    """Collects `Published`."""

    code = "published"
    fact = Published

    def wants(self, source: Source) -> bool:
        return bool(source.service) and source.path.startswith("services/")

    def handlers(self) -> Mapping[type[ast.AST], Any]:
        return {ast.Call: self.call}

    def call(self, node: ast.Call, view: FileView) -> None:
        """Note one call of a method `publish` with three arguments."""
        if not isinstance(node.func, ast.Attribute) or node.func.attr != "publish" or len(node.args) != 3:
            return
        kind = literal(node.args[0])
        functions = {each.name: each for each in view.tree.body if isinstance(each, Function)}
        fields = Fields(functions, view.function).of(node.args[2])
        name = kind if isinstance(kind, str) else ""
        view.note(Published(node.lineno, view.service, name, name_of(node.func.value), view.symbol, fields))


class Fields:
    """Tells the fields of a mapping that an expression makes: literals, `a | b`, and functions of the same file."""

    def __init__(self, functions: Mapping[str, Function], function: Function | None) -> None:
        self._functions = functions
        arguments = [*function.args.args, *function.args.kwonlyargs] if function else []
        self._annotations = {each.arg: ast.unparse(each.annotation) for each in arguments if each.annotation}

    def of(self, node: ast.AST, depth: int = 0) -> dict[str, str] | None:
        """Return field → JSON type; None when only running the code would tell."""
        if isinstance(node, ast.Dict):
            return self._literal(node, depth)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            left, right = self.of(node.left, depth), self.of(node.right, depth)
            return None if left is None or right is None else left | right
        if isinstance(node, ast.Call) and depth < 3 and name_of(node.func) in self._functions:
            function = self._functions[name_of(node.func)]
            last = function.body[-1]
            given = last.value if isinstance(last, ast.Return) else None
            return Fields(self._functions, function).of(given, depth + 1) if given else None
        return None

    def _literal(self, node: ast.Dict, depth: int) -> dict[str, str] | None:
        fields: dict[str, str] = {}
        for key, value in zip(node.keys, node.values, strict=True):
            if key is None:  # **other
                other = self.of(value, depth)
                if other is None:
                    return None
                fields |= other
            elif isinstance(key, ast.Constant) and isinstance(key.value, str):
                fields[key.value] = self.type_of(value)
                fields |= {f"{key.value}{name}": each for name, each in self._inner(value, depth).items()}
            else:
                return None
        return fields

    def _inner(self, node: ast.AST, depth: int) -> dict[str, str]:
        """Return what is in a value that is written out: `.field` of a mapping, `[].field` of those in a list."""
        if isinstance(node, ast.Dict):
            return {f".{name}": each for name, each in (self.of(node, depth) or {}).items()}
        if isinstance(node, ast.ListComp):
            return {f"[]{name}": each for name, each in self._inner(node.elt, depth).items()}
        if isinstance(node, ast.List) and node.elts:
            return {f"[]{name}": each for name, each in self._inner(node.elts[0], depth).items()}
        return {}

    def type_of(self, node: ast.AST) -> str:
        """Return the JSON type of a value, several as `null|string`, `any` when it cannot be told."""
        if isinstance(node, ast.IfExp):
            return either([self.type_of(node.body), self.type_of(node.orelse)])
        if isinstance(node, ast.Constant) and node.value is None:
            return "null"
        if isinstance(node, ast.Constant):
            return TYPES.get(type(node.value).__name__, "any")
        if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Call) and is_text(node)):
            return "string"
        if isinstance(node, ast.List | ast.ListComp | ast.Tuple):
            return "array"
        if isinstance(node, ast.Dict | ast.DictComp):
            return "object"
        if isinstance(node, ast.Name):
            return type_named(self._annotations.get(node.id, ""))
        return "any"


def is_text(node: ast.Call) -> bool:
    """Whether a call makes a text."""
    return name_of(node.func) == "str" or (isinstance(node.func, ast.Attribute) and node.func.attr == "isoformat")


def either(kinds: list[str]) -> str:
    """Return the union of some types."""
    every = sorted({each for kind in kinds for each in kind.split("|")})
    return "any" if "any" in every else "|".join(every)


def type_named(annotation: str) -> str:
    """Return the JSON type of an annotation."""
    try:
        return type_annotated(ast.parse(annotation, mode="eval").body)
    except SyntaxError:
        return "any"


def type_annotated(node: ast.expr) -> str:
    """Return the JSON type of an annotation."""
    if isinstance(node, ast.Constant) and node.value is None:
        return "null"
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return type_named(node.value)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return either([type_annotated(node.left), type_annotated(node.right)])
    if isinstance(node, ast.Subscript):
        name = name_of(node.value).rpartition(".")[2]
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if name in ("Optional", "Union"):
            return either([*(type_annotated(each) for each in parts), *(["null"] if name == "Optional" else [])])
        if name == "Annotated":
            return type_annotated(parts[0])
        if name == "Literal":
            return either([type_annotated(ast.Name(type(getattr(each, "value", each)).__name__)) for each in parts])
        node = node.value
    head = name_of(node).rpartition(".")[2]
    return TYPES.get(head) or {"list": "array", "tuple": "array", "dict": "object"}.get(head, "any")
