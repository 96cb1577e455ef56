"""`autional drift`: the models of all services against their live databases."""

from __future__ import annotations

import asyncio
import textwrap
import time
from typing import TYPE_CHECKING, Annotated

import typer

from autional_cli import render
from autional_cli.errors import AutionalError, ExitCode
from autional_cli.supervisor.target import FORMAT_HELP, HELP, instance_of

if TYPE_CHECKING:
    from autional_cli.drift import ServiceDrift

app = typer.Typer()


@app.command()
def drift(
    services: Annotated[list[str] | None, typer.Argument(help="Services; none: all that have a database.")] = None,
    url: Annotated[str | None, typer.Option(help="Compare the one named service with this database instead.")] = None,
    instance: Annotated[str | None, typer.Option(help=HELP)] = None,
    output: Annotated[str, typer.Option("--format", help=FORMAT_HELP)] = "table",
    explain: Annotated[bool, typer.Option("--explain", help="Say what is compared and what is not, and stop.")] = False,
) -> None:
    """Compare models with live databases: tables, columns, types, defaults, enums, checks, keys, indexes, sequences,
    views, triggers, rules, row security; owners, rights, settings of role and database; revisions with heads; MongoDB
    collections, indexes, validators. Exit 7 if anything differs, 4 without a database. --explain: what is left out.

    Examples: autional drift · autional drift identity session · autional drift profile --url postgresql://…
    """
    from autional_cli.drift import compare, targets

    if explain:
        show_explanation(output)
        return
    started = time.perf_counter()
    target = instance_of(instance)
    found = asyncio.run(compare(target.root, targets(target, services, url)))
    if output == "json":
        render.data({"schema": 1, "services": [one.to_json() for one in found]})
    else:
        show(found)
    elapsed_ms = (time.perf_counter() - started) * 1000
    differing = [one.name for one in found if not one.clean]
    if differing:
        count = sum(len(one.differences) for one in found)
        behind = [
            one.name for one in found for d in one.differences if d.kind in ("revision_behind", "revision_missing")
        ]
        write = f"autional migrate new -s {differing[0]} -m … writes a revision; or mend the database as shown"
        raise AutionalError(
            f"{count} difference{'' if count == 1 else 's'} between models and database: {', '.join(differing)}",
            hint=f"autional migrate up {' '.join(behind)}" if behind else write,
            exit_code=ExitCode.SCHEMA_DRIFT,
        )
    if output != "json":
        render.note(f"no drift in {len(found)} services ({elapsed_ms:.0f} ms)")


def show_explanation(output: str) -> None:
    """Print every kind of difference, and what is never one."""
    from autional_cli.drift.families import NOT_COMPARED, kinds

    if output == "json":
        render.data({"schema": 1, "kinds": kinds(), "not_compared": NOT_COMPARED.splitlines()[1:]})
        return
    render.out(NOT_COMPARED)
    render.out("Kinds of difference:")
    for line in textwrap.wrap(", ".join(kinds()), 118):
        render.out(f"  {line}")


def show(found: list[ServiceDrift]) -> None:
    """Print where every service stands, and each difference with both sides and what mends it."""
    rows = [(d.name, d.revision or "-", d.head or "-", "ok" if d.clean else str(len(d.differences))) for d in found]
    render.table(("SERVICE", "REVISION", "HEAD", "DIFFERENCES"), rows)
    for service in found:
        for one in service.differences:
            render.out()
            render.out(f"{service.name}: {one.kind} {one.object}")
            render.out(f"  model     {one.model or '(not there)'}")
            render.out(f"  database  {one.database or '(not there)'}")
            render.block("  mend      " + one.mend.replace("\n", "\n            "))
            if one.by:
                render.out(f"  by        the operator: autional db shell {service.name} --operator --write")
