"""Every good answer of a service is the unified envelope.

Harm: a client needs one parser for one service and another for the next; the trace id is missing when it is needed.
Rule: each 2xx JSON answer in the OpenAPI document is an `Envelope[…]`. Left out are answers whose shape a standard
fixes: OAuth and `.well-known` documents (RFC 6749, 7517, 8414), streams, and 204.
Fix: return `ok(data)` and annotate the route `-> Envelope[…]`.
Escape: none; P0. A shape that a standard fixes is named in `FIXED_SHAPES` of the rule, with the standard.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from checks.lanes.contract import ServiceContract
from checks.model import Finding, Lane, Tier
from checks.project import Project
from checks.rule import Rule

# Path fragments whose answers a standard fixes → the standard.
FIXED_SHAPES = {"/oauth2/": "RFC 6749", "/.well-known/": "RFC 8615", "/jwks": "RFC 7517"}


class Con01(Rule):
    """Good answers are enveloped."""

    code = "CON01"
    tier = Tier.P0
    title = "every 2xx answer is Envelope[T]"
    lane = Lane.CONTRACT
    aliases = ("check-dto-compliance",)

    def judge(self, project: Project) -> Iterator[Finding]:
        for name, contract in project.contract.services.items():
            if contract.error:
                yield self.finding(
                    f"services/{name}/service.py", 0, f"{name} cannot be built: {contract.error}", symbol=name
                )
            for method, route, operation in operations(contract):
                project.examined(self.code)
                if any(fragment in route for fragment in FIXED_SHAPES):
                    continue
                for status in bare_answers(operation):
                    path, line = contract.where(method, route)
                    message = f"{method.upper()} {route}: the {status} answer is not an Envelope"
                    yield self.finding(path, line, message, symbol=operation.get("operationId", ""))


def operations(contract: ServiceContract) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield method, route and operation object of everything in a service's document."""
    for route, methods in contract.openapi.get("paths", {}).items():
        for method, operation in methods.items():
            yield method, route, operation


def bare_answers(operation: dict[str, Any]) -> Iterator[str]:
    """Yield the 2xx statuses whose JSON answer is no envelope."""
    for status, answer in operation.get("responses", {}).items():
        content = answer.get("content", {})
        if status.startswith("2") and "application/json" in content:
            reference = content["application/json"].get("schema", {}).get("$ref", "")
            if not reference.rpartition("/")[2].startswith("Envelope_"):
                yield status
