"""No `Any` and no bare dict in a contract.

Harm: a client learns nothing, and whatever slips in becomes part of the contract.
Rule: no schema of a request or an answer is empty, or an object without declared properties; maps declare the type of
their values. The `details` of an error are free by design, and what a
standard fixes (CON01) is left out.
Fix: write a DTO; where the shape is another service's, `dict[str, JsonValue]` with a comment that says whose.
Escape: `autional: ignore[CON05] reason="…" until=…` on the route's function.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from checks.model import Finding, Lane, Tier
from checks.openapi import json_schema, operations
from checks.project import Project
from checks.rule import Rule
from checks.rules.con01 import FIXED_SHAPES

# JsonValue is written by somebody who means it: the shape is another service's.
FREE = frozenset({"ErrorEnvelope", "ValidationError", "HTTPValidationError", "JsonValue"})


class Con05(Rule):
    """Contracts are typed."""

    code = "CON05"
    tier = Tier.P1
    title = "no Any or bare dict in a contract"
    lane = Lane.CONTRACT
    aliases = ("check-dto-compliance",)

    def judge(self, project: Project) -> Iterator[Finding]:
        for contract in project.contract.services.values():
            for method, route, operation in operations(contract.openapi):
                project.examined(self.code)
                if any(fragment in route for fragment in FIXED_SHAPES):
                    continue
                parts = [("body", json_schema(operation.get("requestBody")))]
                parts += [(status, json_schema(answer)) for status, answer in operation.get("responses", {}).items()]
                untyped = [
                    f"{name}{where}"
                    for name, schema in parts
                    if schema is not None
                    for where in loose(contract.openapi, schema, "", frozenset())
                ]
                if untyped:
                    path, line = contract.where(method, route)
                    message = f"{method.upper()} {route}: {', '.join(sorted(set(untyped)))} can be anything"
                    yield self.finding(path, line, message, symbol=operation.get("operationId", ""))


def loose(document: dict[str, Any], schema: Any, where: str, seen: frozenset[str]) -> Iterator[str]:
    """Yield where in a schema anything may stand."""
    if schema is True or (isinstance(schema, dict) and not set(schema) - {"title", "description", "default"}):
        yield where
    if not isinstance(schema, dict):
        return
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        if name not in FREE and name not in seen:
            target = document.get("components", {}).get("schemas", {}).get(name, {})
            yield from loose(document, target, where, seen | {name})
        return
    for inner, place in parts_of(schema, where):
        yield from loose(document, inner, place, seen)


def parts_of(schema: dict[str, Any], where: str) -> Iterator[tuple[Any, str]]:
    """Yield the schemas in a schema, and where they are."""
    if schema.get("type") == "object" and "properties" not in schema:
        values = schema.get("additionalProperties", True)
        yield values, where if values is True else f"{where}.*"
    for name, inner in schema.get("properties", {}).items():
        yield inner, f"{where}.{name}"
    for inner in (*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())):
        yield inner, where
    if "items" in schema:
        yield schema["items"], f"{where}[]"
