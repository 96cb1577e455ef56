"""No SQL or foreign key into another service's table.

Harm: two services with one table are one service that is deployed twice; none of them may change it.
Rule: no foreign key, SQL text or revision of a service names a table that another service's models declare, unless it
declares one of that name itself.
Fix: ask the other service, or keep a copy of what its events say.
Escape: none; P0.
"""

from __future__ import annotations

from collections.abc import Iterator

from checks.facts.tables import Spoken, SpokenTables, Table, Tables
from checks.model import Finding, Tier
from checks.project import Project
from checks.rule import Rule


class Dat09(Rule):
    """No SQL or foreign key into another service's table."""

    code = "DAT09"
    tier = Tier.P0
    title = "no SQL or foreign key into another service's table"

    def applies(self, project: Project) -> bool:
        return bool(project.facts(Tables, Table))

    def judge(self, project: Project) -> Iterator[Finding]:
        owners: dict[str, set[str]] = {}
        for _, one in project.facts(Tables, Table):
            owners.setdefault(one.table, set()).add(one.service)
        named = [
            (path, one.service, str(target).split(".")[0], line)
            for path, one in project.facts(Tables, Table)
            for _, target, line in one.foreign
        ]
        named += [(path, one.service, one.table, one.line) for path, one in project.facts(SpokenTables, Spoken)]
        project.examined(self.code, len(named) + len(owners))
        for path, service, table, line in named:
            if table in owners and service not in owners[table]:
                message = f"{table} is a table of {' and '.join(sorted(owners[table]))}"
                yield self.finding(path, line, message, symbol=table)
