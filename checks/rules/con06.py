"""Every raised error code is registered.

Harm: a client gets a number that no document lists, or the handler itself fails with a NameError.
Rule: the first argument of `ServiceError(…)` is a code registered with `CODES.register` by the service that raises it
or by the chassis; never a number, a text, or the code of another service.
Fix: register it in `services/<name>/errors.py`, within the service's range, and raise that name.
Escape: none; P0.
"""

from __future__ import annotations

from collections.abc import Iterator

from checks.facts.errors import ErrorCode, ErrorCodes, Raised, Raises
from checks.model import Finding, Tier
from checks.project import Project
from checks.rule import Rule


class Con06(Rule):
    """Raised error codes are registered."""

    code = "CON06"
    tier = Tier.P0
    title = "every raised error code is registered"
    aliases = ("check-error-codes",)

    def applies(self, project: Project) -> bool:
        return any(True for _ in project.facts(ErrorCodes, ErrorCode))

    def judge(self, project: Project) -> Iterator[Finding]:
        registered: dict[str, set[str]] = {}
        for _, code in project.facts(ErrorCodes, ErrorCode):
            registered.setdefault(code.service, set()).add(code.variable)
        chassis = registered.get("", set())
        for path, raised in project.facts(Raises, Raised):
            project.examined(self.code)
            name = raised.code.rpartition(".")[2]
            if not name.isidentifier():
                message = f"ServiceError({raised.code}) is not given a registered code"
            elif not name.isupper():
                continue  # a variable: what it holds was checked where it was set
            elif name in registered.get(raised.service, set()) | chassis:
                continue
            else:
                owner = next((each for each, names in registered.items() if name in names), "")
                message = f"{name} is a code of {owner}" if owner else f"{name} is registered nowhere"
            yield self.finding(path, raised.line, message, symbol=raised.symbol)
