"""What undoing revisions would destroy: tables and columns that hold something."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sqlalchemy import text

from autional_cli.errors import AutionalError
from autional_cli.migrations.apply import connected, status
from autional_cli.migrations.script import chain, sql, unknown

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

_TABLE = re.compile(r'^DROP TABLE (?:IF EXISTS )?"?([\w$]+)"?', re.MULTILINE | re.IGNORECASE)
_COLUMN = re.compile(r'^ALTER TABLE "?([\w$]+)"? DROP COLUMN (?:IF EXISTS )?"?([\w$]+)"?', re.MULTILINE | re.IGNORECASE)


def target_of(root: Path, service: str, at: str, wanted: str | None) -> str:
    """Return the revision to go down to: `wanted`, else one step below `at`. AutionalError if that is no way down."""
    found = chain(root, service)
    order = ["base", *(revision.id for revision in found)]
    if at not in order:
        raise unknown(service, at or "none")
    if wanted is None:
        return order[max(0, order.index(at) - 1)]
    if wanted not in order:
        raise unknown(service, wanted)
    if order.index(wanted) > order.index(at):
        raise AutionalError(f"{service} is at {at}, and {wanted} comes after it", hint=f"autional migrate up {service}")
    return wanted


async def losses(root: Path, service: str, url: str, target: str) -> list[str]:
    """Return what going down to `target` destroys, such as `table users (3 rows)`; empty tables are no loss."""
    at = (await status(root, service, url)).revision
    try:
        statements = sql(root, service, at, target)
    except AutionalError:
        return [f"unknown: {service} from {at} to {target} cannot be printed as SQL"]

    def count(connection: Connection) -> list[str]:
        found = []
        gone = set(_TABLE.findall(statements))
        for table in sorted(gone):
            rows = connection.execute(text(f'SELECT count(*) FROM "{table}"')).scalar_one()  # noqa: S608 - from a file
            found += [f"table {table} ({rows} row{'' if rows == 1 else 's'})"] if rows else []
        for table, column in sorted(set(_COLUMN.findall(statements))):
            query = f'SELECT count("{column}") FROM "{table}"'  # noqa: S608 - names from a revision file
            rows = 0 if table in gone else connection.execute(text(query)).scalar_one()
            found += [f"column {table}.{column} ({rows} value{'' if rows == 1 else 's'})"] if rows else []
        return found

    found: list[str] = await connected(url, count)
    return found
