"""Every failure has the unified error envelope, 422 included.

Harm: a client parses failures by guessing; the trace id that support needs is missing just when something failed.
Rule: each 4xx and 5xx answer in the OpenAPI document is an `ErrorEnvelope`; none is FastAPI's own validation error.
Fix: raise `ServiceError`; declare a status of its own with `responses={409: {"model": ErrorEnvelope}}`.
Escape: `autional: ignore[CON02] reason="…" until=…` on the route's function, for OAuth errors (RFC 6749, 5.2).
"""

from __future__ import annotations

from collections.abc import Iterator

from checks.model import Finding, Lane, Tier
from checks.openapi import operations
from checks.project import Project
from checks.rule import Rule


class Con02(Rule):
    """Failures are enveloped."""

    code = "CON02"
    tier = Tier.P1
    title = "errors and 422 use the envelope"
    lane = Lane.CONTRACT
    aliases = ("check-dto-compliance",)

    def judge(self, project: Project) -> Iterator[Finding]:
        for contract in project.contract.services.values():
            for method, route, operation in operations(contract.openapi):
                project.examined(self.code)
                bare = []
                for status, answer in operation.get("responses", {}).items():
                    schema = answer.get("content", {}).get("application/json", {}).get("schema")
                    if status[0] in "45" and (schema or {}).get("$ref", "").rpartition("/")[2] != "ErrorEnvelope":
                        bare.append(status)
                if bare:
                    path, line = contract.where(method, route)
                    message = f"{method.upper()} {route}: {', '.join(bare)} without the error envelope"
                    yield self.finding(path, line, message, symbol=operation.get("operationId", ""))
