"""`autional migrate`: apply and inspect schema migrations of all services."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from autional_cli import render
from autional_cli.errors import AutionalError, ExitCode
from autional_cli.supervisor.target import FORMAT_HELP, HELP, instance_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from autional_cli.migrations.apply import Status

app = typer.Typer(no_args_is_help=True)
SERVICES = typer.Argument(help="Services; none: all that have a PostgreSQL database.")


@app.command()
def up(
    services: Annotated[list[str] | None, SERVICES] = None,
    instance: Annotated[str | None, typer.Option(help=HELP)] = None,
    output: Annotated[str, typer.Option("--format", help=FORMAT_HELP)] = "table",
) -> None:
    """Apply what is pending; safe to run twice at once. Exit 7 if a service does not reach its head."""
    from autional_cli.migrations.apply import upgrade

    show(each(services, instance, upgrade), output)


@app.command()
def status(
    services: Annotated[list[str] | None, SERVICES] = None,
    instance: Annotated[str | None, typer.Option(help=HELP)] = None,
    output: Annotated[str, typer.Option("--format", help=FORMAT_HELP)] = "table",
) -> None:
    """Show where each schema stands. Exit 7 if something is pending."""
    from autional_cli.migrations.apply import status as stands

    show(each(services, instance, stands), output)


def each(services: list[str] | None, instance: str | None, work: Callable[..., Awaitable[Status]]) -> list[Status]:
    """Run `work` for the wanted services of a running instance, one after the other."""
    from autional_cli.migrations.databases import databases

    target = instance_of(instance)

    async def run() -> list[Status]:
        results = []
        for name, url in databases(target, services):
            try:
                results.append(await work(target.root, name, url))
            except OSError as failure:
                raise AutionalError(
                    f"the database of {name} cannot be reached: {failure}",
                    hint="autional up",
                    exit_code=ExitCode.BACKEND_UNAVAILABLE,
                ) from failure
        return results

    return asyncio.run(run())


def show(results: list[Status], output: str) -> None:
    """Print where the schemas stand."""
    if output == "json":
        services = [{"name": r.service, "revision": r.revision, "head": r.head, "current": r.current} for r in results]
        render.data({"schema": 1, "services": services})
    else:
        rows = [(r.service, r.revision or "-", r.head, "ok" if r.current else "pending") for r in results]
        render.table(("SERVICE", "REVISION", "HEAD", "STATE"), rows)
    pending = [result.service for result in results if not result.current]
    if pending:
        raise AutionalError(
            f"migrations are pending: {', '.join(pending)}", hint="autional migrate up", exit_code=ExitCode.SCHEMA_DRIFT
        )
