"""What undoing revisions would destroy, found out by undoing them on a copy of the data."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from sqlalchemy import text

from autional_cli.errors import AutionalError
from autional_cli.migrations.apply import connected, downgrade, status
from autional_cli.migrations.contents import compare, remember
from autional_cli.migrations.scratch import copied_database, in_database
from autional_cli.migrations.script import chain, unknown

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

    from autional_cli.migrations.script import Revision

# What a revision may import and still do nothing but talk to its own database through Alembic's connection.
_HARMLESS = (
    "alembic",
    "sqlalchemy",
    "services.chassis.schema",
    "services.chassis.models",
    "__future__",
    "typing",
    "collections",
    "dataclasses",
    "datetime",
    "decimal",
    "enum",
    "functools",
    "itertools",
    "json",
    "re",
    "textwrap",
    "uuid",
)
_CALLED = ("__import__", "exec", "eval", "open", "compile")
_ROWS = "SELECT EXISTS (SELECT FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace)"


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


async def losses(root: Path, service: str, url: str, target: str, operator_url: str | None = None) -> list[str]:
    """Return what going down to `target` destroys, such as `table users (3 rows)`; empty tables are no loss.

    The way down is gone on a copy of the database, with the service's own rights, and what was there is compared with
    what is left. What cannot be judged so is told as a loss. `operator_url` is that of a role that may make databases;
    none: `url` is.
    """
    at = (await status(root, service, url)).revision
    outside = [told for revision in _undone(root, service, at, target) for told in _acts_elsewhere(revision)]
    if outside:
        return [f"unknown: {told}, which no copy can show" for told in outside]
    if not await connected(url, _has_tables):
        return []
    try:
        async with copied_database(operator_url or in_database(url, "postgres"), url) as copy:
            before = await connected(copy, remember)
            await downgrade(root, service, copy, target)
            found: list[str] = await connected(copy, lambda connection: compare(connection, before))
            return found
    except AutionalError as failure:
        return [f"unknown: going from {at} to {target} on a copy failed: {failure.message}"]


def _has_tables(connection: Connection) -> bool:
    return bool(connection.execute(text(_ROWS)).scalar_one())


def _undone(root: Path, service: str, at: str, target: str) -> list[Revision]:
    found = chain(root, service)
    order = ["base", *(revision.id for revision in found)]
    return found[order.index(target) : order.index(at)] if at in order and target in order else []


def _acts_elsewhere(revision: Revision) -> list[str]:
    """Return what a revision's file reaches beside its database: it would happen at the rehearsal already."""
    found = []
    for node in ast.walk(ast.parse(revision.path.read_bytes())):
        match node:
            case ast.Import(names=names):
                found += [alias.name for alias in names]
            case ast.ImportFrom(module=str(module)):
                found.append(module)
            case ast.Call(func=ast.Name(id=name)) if name in _CALLED:
                found.append(f"{name}()")
    reached = [name for name in found if not any(name == one or name.startswith(f"{one}.") for one in _HARMLESS)]
    return [f"{revision.path.name} uses {', '.join(dict.fromkeys(reached))}"] if reached else []
