"""`autional migrate`: apply, undo, inspect, write and rehearse schema migrations of all services."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from autional_cli import render
from autional_cli.errors import AutionalError, ExitCode
from autional_cli.migrations.databases import with_database
from autional_cli.migrations.report import show_rehearsals, show_sql, show_status, show_written
from autional_cli.supervisor.target import FORMAT_HELP, HELP, instance_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any

    from autional_cli.instance import Instance
    from autional_cli.migrations.apply import Status

app = typer.Typer(no_args_is_help=True)
Services = Annotated[
    list[str] | None, typer.Argument(help="Services; none: all that have a PostgreSQL database.", show_default=False)
]
More = Annotated[list[str] | None, typer.Option("--service", "-s", help="The same, as an option.")]
InstanceName = Annotated[str | None, typer.Option(help=HELP)]
Format = Annotated[str, typer.Option("--format", help=FORMAT_HELP)]
AsSql = Annotated[bool, typer.Option("--sql", "--dry-run", help="Print the SQL and change nothing.")]


@app.command()
def up(
    services: Services = None,
    more: More = None,
    sql: AsSql = False,
    instance: InstanceName = None,
    output: Format = "table",
) -> None:
    """Apply what is pending; safe to run twice at once. Exit 7 if a service does not reach its head.

    Each revision is a transaction: one that fails or is interrupted leaves the service at the revision before it.

    Examples: autional migrate up · autional migrate up identity --sql
    """
    from autional_cli.migrations.apply import upgrade

    target, wanted = chosen(instance, services, more)
    if sql:
        print_sql(target, wanted, output)
        return
    show(each(target, wanted, lambda name, url: upgrade(target.root, name, url, render.note)), output)


@app.command()
def down(
    services: Services = None,
    more: More = None,
    to: Annotated[str | None, typer.Option(help="The revision to go down to, or base; else one step.")] = None,
    sql: AsSql = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Go on although data is lost.")] = False,
    instance: InstanceName = None,
    output: Format = "table",
) -> None:
    """Undo one revision, or all after --to. Goes there on a copy first: what data would be lost is said, and wants -y.

    What a copy cannot show counts as lost. With -y nothing is copied. --dry-run prints the SQL.

    Examples: autional migrate down -s identity · autional migrate down identity --to base -y
    """
    target, wanted = chosen(instance, services, more)
    if to not in (None, "base") and len(wanted) != 1:
        raise AutionalError("--to names a revision of one service, so name exactly one", exit_code=ExitCode.USAGE)
    ways = run_async(target, wanted, lambda name, url: way_down(target, name, url, to))
    if sql:
        from autional_cli.migrations.script import sql as sql_of

        texts = [(name, sql_of(target.root, name, at, end)) for name, at, end in ways if at != end]
        show_sql(texts, output)
        return
    targets = {name: end for name, at, end in ways if at != end}
    going = [one for one in wanted if one[0] in targets]
    if not yes:
        ask(target, going, targets)
    undo(target, going, targets, output)


def ask(target: Instance, going: list[tuple[str, str]], targets: dict[str, str]) -> None:
    """Raise AutionalError (exit 2) if something would be lost, or if nobody can tell; nothing has happened then."""
    from autional_cli.migrations.databases import operator_url
    from autional_cli.migrations.loss import losses

    operator = operator_url(target)
    found = run_async(target, going, lambda name, url: losses(target.root, name, url, targets[name], operator))
    lost = [f"{name}: {what}" for (name, _), each in zip(going, found, strict=True) for what in each]
    if lost:
        raise AutionalError(
            "this destroys data: " + "; ".join(lost), hint="the same command with -y goes on", exit_code=ExitCode.USAGE
        )


def undo(target: Instance, wanted: list[tuple[str, str]], targets: dict[str, str], output: str) -> None:
    """Go down, and have the next `autional up` look at the schemas again."""
    from autional_cli.migrations.apply import downgrade
    from autional_cli.supervisor.schema import MARKER

    (target.data_dir / MARKER).unlink(missing_ok=True)
    found = each(target, wanted, lambda name, url: downgrade(target.root, name, url, targets[name], render.note))
    show_status(found, output)


async def way_down(target: Instance, name: str, url: str, to: str | None) -> tuple[str, str, str]:
    """Return the service, where it stands, and where it would go."""
    from autional_cli.migrations.apply import status as stands
    from autional_cli.migrations.loss import target_of

    at = (await stands(target.root, name, url)).revision or "base"
    return name, at, target_of(target.root, name, at, to)


@app.command()
def status(
    services: Services = None, more: More = None, instance: InstanceName = None, output: Format = "table"
) -> None:
    """Show where each schema stands. Exit 7 if something is pending."""
    from autional_cli.migrations.apply import status as stands

    target, wanted = chosen(instance, services, more)
    show(each(target, wanted, lambda name, url: stands(target.root, name, url)), output)


@app.command()
def new(
    message: Annotated[str, typer.Option("--message", "-m", help="What it does, in a few words.")],
    service: Annotated[str, typer.Option("--service", "-s", help="Whose models have changed.")],
    instance: InstanceName = None,
    output: Format = "table",
) -> None:
    """Write the revision that brings the schema to the models, with hints about what to review in it.

    Compared is with what the revisions make of an empty database on the running server; nothing else is touched.

    Example: autional migrate new -s profile -m "nickname"
    """
    from autional_cli.migrations.databases import operator_url
    from autional_cli.migrations.writing import write_revision

    target, wanted = chosen(instance, [service], None)
    operator = operator_url(target)
    [written] = run_async(target, wanted, lambda name, _: write_revision(target.root, name, message, operator))
    show_written(target, service, written, output)


@app.command()
def merge(
    service: Annotated[str, typer.Option("--service", "-s", help="Whose revisions have several heads.")],
    message: Annotated[str, typer.Option("--message", "-m", help="What it does, in a few words.")] = "merge",
    instance: InstanceName = None,
    output: Format = "table",
) -> None:
    """Write the revision that follows all heads of a service, and does nothing else.

    Two branches that each added a revision leave two heads; `up` refuses them, because nothing leads on from there.

    Example: autional migrate merge -s profile
    """
    from autional_cli.migrations.writing import write_merge

    target = instance_of(instance)
    if service not in {spec.name for spec, _ in with_database(target, [service], reachable=False)}:
        raise AutionalError(f"{service!r} has no PostgreSQL database", exit_code=ExitCode.USAGE)
    written = write_merge(target.root, service, message)
    if written is None:
        render.note(f"{service} has one head; nothing to merge")
        return
    show_written(target, service, written, output)


@app.command()
def rehearse(
    services: Services = None, more: More = None, instance: InstanceName = None, output: Format = "table"
) -> None:
    """Apply what is pending to a copy of the data: time, locks, and whether the old code's queries still run.

    The copy is a database of its own on the same server, removed afterwards. Exit 1 if something would break.
    """
    from autional_cli.migrations.databases import operator_url
    from autional_cli.migrations.rehearsal import rehearse as work

    target, wanted = chosen(instance, services, more)
    operator = operator_url(target)
    found = run_async(target, wanted, lambda name, url: work(target.root, name, url, operator, render.note))
    if output == "json":
        render.data({"schema": 1, "services": [one.to_json() for one in found]})
    else:
        show_rehearsals(found)
    failing = [one.service for one in found if not one.ok]
    if failing:
        raise AutionalError(
            f"the rehearsal found what would break: {', '.join(failing)}",
            hint="first add what is new, release the code, then remove what is old in a later revision",
            exit_code=ExitCode.FINDINGS,
        )


def chosen(
    instance: str | None, services: list[str] | None, more: list[str] | None
) -> tuple[Instance, list[tuple[str, str]]]:
    """Return the instance, and name and URL of the wanted services."""
    from autional_cli.migrations.databases import databases

    target = instance_of(instance)
    return target, databases(target, [*(services or ()), *(more or ())])


def each(
    target: Instance, wanted: list[tuple[str, str]], work: Callable[[str, str], Awaitable[Status]]
) -> list[Status]:
    """Run `work` for every service; one that fails does not keep the others from their turn."""
    failures: list[AutionalError] = []

    async def guarded(name: str, url: str) -> Status | None:
        try:
            return await work(name, url)
        except AutionalError as failure:
            if failure.exit_code == ExitCode.BACKEND_UNAVAILABLE or len(wanted) == 1:
                raise
            failures.append(failure)
            return None

    found = run_async(target, wanted, guarded)
    if failures:
        for status_ in (one for one in found if one):
            render.note(f"{status_.service}: at {status_.revision or 'no revision'}")
        raise AutionalError(
            "\n".join(failure.message for failure in failures),
            hint=failures[0].hint,
            exit_code=failures[0].exit_code,
        )
    return [one for one in found if one]


def run_async(target: Instance, wanted: list[tuple[str, str]], work: Callable[[str, str], Awaitable[Any]]) -> list[Any]:
    """Run `work` for one service after the other; a server that does not answer is exit 4, Ctrl-C says where it is."""
    from autional_cli.migrations.session import run_each

    return run_each(target.root, wanted, work)


def show(results: list[Status], output: str) -> None:
    """Print where the schemas stand; exit 7 if something is pending."""
    show_status(results, output)
    pending = [result.service for result in results if not result.current]
    if pending:
        raise AutionalError(
            f"migrations are pending: {', '.join(pending)}", hint="autional migrate up", exit_code=ExitCode.SCHEMA_DRIFT
        )


def print_sql(target: Instance, wanted: list[tuple[str, str]], output: str) -> None:
    """Print what `up` would do."""
    from autional_cli.migrations.apply import status as stands
    from autional_cli.migrations.script import pending, sql

    found = run_async(target, wanted, lambda name, url: stands(target.root, name, url))
    waiting = [one for one in found if pending(target.root, one.service, one.revision)]
    show_sql([(s.service, sql(target.root, s.service, s.revision or "base", s.head)) for s in waiting], output)
