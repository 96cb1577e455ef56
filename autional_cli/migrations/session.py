"""Run migration work over services from a command: what a dead server and Ctrl-C mean."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from autional_cli.errors import AutionalError, ExitCode

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path


def run_each(root: Path, wanted: list[tuple[str, str]], work: Callable[[str, str], Awaitable[Any]]) -> list[Any]:
    """Run `work` for one service after the other and return the results.

    Raises AutionalError: exit 4 if a server does not answer; on Ctrl-C exit 130, with where each service stands then.
    """
    at: list[str] = []

    async def run() -> list[Any]:
        results = []
        for name, url in wanted:
            at[:] = [name]
            results.append(await answered(name, work(name, url)))
        return results

    try:
        return asyncio.run(run())
    except KeyboardInterrupt:
        raise AutionalError(
            f"interrupted; {asyncio.run(where(root, [one for one in wanted if one[0] in at]))}",
            hint="autional migrate status",
            exit_code=ExitCode.INTERRUPTED,
        ) from None


async def answered(name: str, work: Awaitable[Any]) -> Any:
    """Await work on the database of `name`; AutionalError (exit 4) if the server is not there or goes away."""
    import asyncpg
    from sqlalchemy.exc import DBAPIError

    try:
        return await work
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, DBAPIError) as failure:
        why = str(getattr(failure, "orig", None) or failure).split("\n")[0]
        raise AutionalError(
            f"the database of {name} cannot be reached: {why}",
            hint="autional up",
            exit_code=ExitCode.BACKEND_UNAVAILABLE,
        ) from failure


async def where(root: Path, wanted: list[tuple[str, str]]) -> str:
    """Return at which revision each service stands, as text."""
    from autional_cli.migrations.apply import status

    found = []
    for name, url in wanted:
        try:
            found.append(f"{name} is at {(await answered(name, status(root, name, url))).revision or 'no revision'}")
        except AutionalError:
            found.append(f"{name} cannot be asked where it is")
    return ", ".join(found)
