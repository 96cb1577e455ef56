"""Compare many services at once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autional_cli.drift.engines import Engines
from autional_cli.errors import AutionalError, ExitCode

if TYPE_CHECKING:
    from pathlib import Path

    from autional_cli.drift.model import ServiceDrift
    from autional_cli.instance import Instance

AT_ONCE = 4  # databases compared at the same time; the work is mostly this process's own
DEADLINE_S = 60.0


@dataclass(frozen=True, slots=True)
class Target:
    """A service and the database to compare it with. `kind` is `postgres` or `mongo`.

    `provisioned`: whether the server was set up here, so that roles have the limits that they get here.
    """

    name: str
    kind: str
    url: str
    provisioned: bool = True


def targets(instance: Instance, services: list[str] | None = None, url: str | None = None) -> list[Target]:
    """Return what to compare in a running instance; no names mean every service with a database.

    `url` replaces the database of exactly one named service. Raises AutionalError (exit 2) for a wrong choice.
    """
    from autional_cli.migrations.databases import with_database

    chosen = list(dict.fromkeys(services or ()))
    if url is not None and len(chosen) != 1:
        raise AutionalError(
            "--url is the database of one service, so name exactly one",
            hint="autional drift identity --url postgresql://…",
            exit_code=ExitCode.USAGE,
        )
    known = with_database(instance, chosen, reachable=url is None)
    return [Target(spec.name, spec.database, async_url(url) if url else found, url is None) for spec, found in known]


def async_url(url: str) -> str:
    """Return a PostgreSQL URL with the driver that is installed here; any other URL as it is."""
    scheme, separator, rest = url.partition("://")
    return f"postgresql+asyncpg{separator}{rest}" if scheme in ("postgres", "postgresql") else url


async def compare(root: Path, wanted: list[Target]) -> list[ServiceDrift]:
    """Compare the models in `root` with the databases, several at once, and return the result of each.

    Raises AutionalError: exit 4 if a database cannot be reached, 3 if models cannot be loaded.
    """
    turns = asyncio.Semaphore(AT_ONCE)
    async with Engines() as engines:

        async def one(target: Target) -> ServiceDrift:
            async with turns:
                return await _compare(root, target, engines)

        tasks = [asyncio.create_task(one(target)) for target in wanted]
        try:
            return list(await asyncio.gather(*tasks))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def compare_one(root: Path, target: Target) -> ServiceDrift:
    """Compare one service. Raises AutionalError as `compare` does."""
    return (await compare(root, [target]))[0]


async def _compare(root: Path, target: Target, engines: Engines) -> ServiceDrift:
    try:
        async with asyncio.timeout(DEADLINE_S):
            return await (_mongo(root, target) if target.kind == "mongo" else _postgres(root, target, engines))
    except TimeoutError:
        raise _unavailable(target, f"no answer within {DEADLINE_S:g} s") from None


async def _postgres(root: Path, target: Target, engines: Engines) -> ServiceDrift:
    import asyncpg
    from sqlalchemy.exc import DBAPIError

    from autional_cli.drift.models import metadata_of
    from autional_cli.drift.relational import compare_service

    metadata = metadata_of(root, target.name)
    try:
        async with engines.connect(target.url) as connection:
            return await connection.run_sync(
                lambda sync: compare_service(sync, root, target.name, metadata, provisioned=target.provisioned)
            )
    except (DBAPIError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as failure:
        raise _unavailable(target, str(getattr(failure, "orig", None) or failure)) from failure


async def _mongo(root: Path, target: Target) -> ServiceDrift:
    from autional_cli.drift.documents import compare_service
    from autional_cli.drift.models import collections_of

    declared = collections_of(root, target.name)
    try:
        return await asyncio.to_thread(compare_service, target.url, target.name, declared)
    except ConnectionError as failure:
        raise _unavailable(target, str(failure)) from failure


def _unavailable(target: Target, why: str) -> AutionalError:
    why = " ".join(why.replace("<class 'asyncpg.exceptions.", "<").split())
    return AutionalError(
        f"the database of {target.name} cannot be compared: {why}",
        hint="autional ps; if it is not running: autional up",
        exit_code=ExitCode.BACKEND_UNAVAILABLE,
    )
