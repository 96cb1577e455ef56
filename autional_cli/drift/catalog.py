"""Everything that one schema of a database holds, as PostgreSQL itself prints it.

Two schemas are read by the same statement, so equal things read equal: PostgreSQL has parsed, stored and printed both.
Names of relations and types are printed without their schema if it is on the search path.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from autional_cli.drift.query import CATALOG, ROLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

VERSION_TABLE = "alembic_version"


@dataclass(frozen=True, slots=True)
class Item:
    """One object of a schema. `parent` is its table, or empty; `facts` are what can differ."""

    family: str
    parent: str
    name: str
    facts: Mapping[str, str]

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes it the same object on both sides. A sequence stays itself when its column is another."""
        return (self.family, "" if self.family == "sequence" else self.parent, self.name)

    @property
    def object(self) -> str:
        """Its name as a person writes it."""
        return f"{self.parent}.{self.name}" if self.key[1] else self.name


Snapshot = dict[tuple[str, str, str], Item]


def roles(connection: Connection) -> tuple[int, int]:
    """Return the oid of the role that the service has, and that of the connection's own."""
    expected, present = connection.execute(text(ROLE)).one()
    return int(expected), int(present)


def read(connection: Connection, schema: str, role: int | None = None) -> Snapshot:
    """Return everything in `schema`; the search path decides how names are printed.

    `role` is the oid of the one whose ownership and rights are told; none: the connection's own.
    """
    asked = {"schema": schema, "version_table": VERSION_TABLE, "role": role or roles(connection)[1]}
    items = [
        Item(row.family, row.parent, row.name, _decoded(row.facts)) for row in connection.execute(text(CATALOG), asked)
    ]
    return {item.key: item for item in items}


def _decoded(facts: Any) -> Mapping[str, str]:
    return json.loads(facts) if isinstance(facts, str) else facts  # type: ignore[no-any-return]
