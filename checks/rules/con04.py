"""Operation ids are unique and stable.

Harm: generated clients name their methods after them: a changed id breaks each of them at compile time.
Rule: an id is a lower-case word, unique within its service, the name of the route's function, and the same as in the
base branch's document.
Fix: name the function as the id was; `--fix` removes an `operation_id=…` that says the same as the function's name.
Escape: `autional: ignore[CON04] reason="…" until=…` on the route's function.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from checks.facts.routes import Route, Routes
from checks.lanes.contract import ServiceContract
from checks.model import Edit, Finding, Fix, Lane, Tier
from checks.openapi import operations
from checks.project import Project
from checks.rule import Rule

WORD = re.compile(r"[a-z][a-z0-9_]*")


class Con04(Rule):
    """Operation ids can be relied on."""

    code = "CON04"
    tier = Tier.P1
    title = "operation ids unique and stable"
    lane = Lane.CONTRACT

    def judge(self, project: Project) -> Iterator[Finding]:
        for contract in project.contract.services.values():
            ids = Counter(str(operation.get("operationId")) for _, _, operation in operations(contract.openapi))
            before = self.released(project, contract)
            for method, route, operation in operations(contract.openapi):
                project.examined(self.code)
                name = str(operation.get("operationId"))
                path, line = contract.where(method, route)
                for problem in problems(name, ids[name], before.get((method, route))):
                    yield self.finding(path, line, f"{method.upper()} {route}: {problem}", symbol=f"{method} {route}")
        for path, each in project.facts(Routes, Route):
            if each.options.get("operation_id", "").strip("'\"") == each.function:
                fix = removal(project, path, each.line)
                yield self.finding(path, each.line, f"operation_id says again what {each.function} is called", fix=fix)

    @staticmethod
    def released(project: Project, contract: ServiceContract) -> dict[tuple[str, str], str]:
        """Return the ids in the base branch's document."""
        data = project.base.read(f"services/{contract.service}/openapi.json")
        document: dict[str, Any] = json.loads(data) if data else {}
        return {(method, route): str(one.get("operationId")) for method, route, one in operations(document)}


def problems(name: str, times: int, before: str | None) -> Iterator[str]:
    """Yield what is wrong with one id."""
    if not WORD.fullmatch(name):
        yield f"the operation id {name!r} is not a lower-case word"
    if times > 1:
        yield f"the operation id {name} is there {times} times"
    if before is not None and before != name:
        yield f"the operation id was {before} and is now {name}"


def removal(project: Project, path: str, line: int) -> Fix | None:
    """Return the fix that takes the argument out of the decorator above a line."""
    source = project.source(path)
    for number in range(line - 1, max(0, line - 8), -1):
        found = re.search(r",\s*operation_id=(['\"])\w+\1", source.lines[number - 1])
        if found:
            prefix = len(source.lines[number - 1][: found.start()].encode())
            start = source.offset(number, prefix)
            return Fix("remove operation_id", (Edit(path, start, start + len(found[0].encode()), ""),))
    return None
