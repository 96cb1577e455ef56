"""A foreign key has an index.

Harm: deleting one parent reads the whole table of its children, and locks while it does.
Rule: the column of a foreign key is a primary key, unique, or the first column of an index.
Fix: `index=True`, or an `Index` that begins with it.
Escape: `autional: ignore[DAT10] reason="…" until=…` on the column, for a table that stays small.
"""

from __future__ import annotations

from collections.abc import Iterator

from checks.facts.tables import Table, Tables
from checks.model import Finding, Tier
from checks.project import Project
from checks.rule import Rule


class Dat10(Rule):
    """A foreign key has an index."""

    code = "DAT10"
    tier = Tier.P2
    title = "a foreign key has an index"

    def applies(self, project: Project) -> bool:
        return any(one.foreign for _, one in project.facts(Tables, Table))

    def judge(self, project: Project) -> Iterator[Finding]:
        for path, one in project.facts(Tables, Table):
            for column, target, line in one.foreign:
                project.examined(self.code)
                if column not in one.indexed:
                    message = f"{one.table}.{column} refers to {target} and has no index"
                    yield self.finding(path, line, message, symbol=f"{one.table}.{column}")
