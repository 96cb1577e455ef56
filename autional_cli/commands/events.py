"""`autional events`: what is on the bus, and what services gave up."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from autional_cli import render
from autional_cli.errors import AutionalError
from autional_cli.supervisor.target import FORMAT_HELP, HELP, instance_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from autional_cli.events.letters import Letter, Letters
    from autional_cli.events.replay import Replayed
    from autional_cli.instance import Instance as Chosen
    from services.chassis.spec import ServiceSpec

LINES = 20

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
dlq = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
app.add_typer(dlq, name="dlq", help="Dead letters: what a service gave up after its last attempt.")

Instance = Annotated[str | None, typer.Option(help=HELP)]
Output = Annotated[str, typer.Option("--format", help=FORMAT_HELP)]
Named = Annotated[list[str] | None, typer.Argument(metavar="[LETTER]...", help="As `dlq list` names them.")]
Service = Annotated[str | None, typer.Option(help="Only what this service gave up.")]
Everything = Annotated[bool, typer.Option("--all", help="All of them.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say which they are.")]


@app.callback()
def events() -> None:
    """The bus and its dead letters."""


@app.command()
def tail(
    types: Annotated[list[str] | None, typer.Argument(metavar="[TYPE]...", help="user.created, or user.*")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what is published from now.")] = False,
    lines: Annotated[
        int | None, typer.Option("--lines", "-n", min=0, help=f"The newest N; {LINES}, or all that a filter leaves.")
    ] = None,
    since: Annotated[str | None, typer.Option(help="Only events after this: 15m, 2h, or a time.")] = None,
    trace: Annotated[str, typer.Option(metavar="ID", help="Only events of this trace (id or its beginning).")] = "",
    instance: Instance = None,
    output: Annotated[str, typer.Option("--format", help="table, or json: NDJSON with --follow.")] = "table",
) -> None:
    """Show what services published, in order of time.

    Examples: autional events tail · autional events tail 'user.*' -f · autional events tail --trace 4bf92f35
    """
    from autional_cli.telemetry.moments import parse_since

    since_ms = parse_since(since, time.time_ns()) // 1_000_000 if since is not None else 0
    newest = lines if lines is not None else None if since or trace else LINES
    with_header = output != "json"
    try:
        asyncio.run(show_events(instance, types or [], newest, since_ms, trace, follow, with_header))
    except BrokenPipeError:  # the reader left: `autional events tail -f | head`
        raise typer.Exit from None


async def show_events(
    instance: str | None, types: Sequence[str], newest: int | None, since_ms: int, trace: str, follow: bool, table: bool
) -> None:
    """Print the events that are there, and with `follow` those that come."""
    from autional_cli.events import report
    from autional_cli.events import tail as reading
    from autional_cli.events.bus import opened

    chosen, specs = known(instance)
    kinds = reading.chosen_types(specs, types)
    async with opened(chosen) as bus:
        after = await reading.ends(bus, kinds)
        found = await reading.history(bus, kinds, newest=newest, since_ms=since_ms, trace=trace)
        if not follow and not table:
            render.data({"schema": 1, "events": [seen.to_json() for seen in found]})
            return
        if not found and not follow:
            render.out("[]")
        for seen in found:
            report.show_event(seen, table)
        if follow:
            async for seen in reading.follow(bus, after, trace):
                report.show_event(seen, table)


@dlq.command("list")
def list_letters(
    service: Annotated[list[str] | None, typer.Argument(metavar="[SERVICE]...", help="Only theirs.")] = None,
    instance: Instance = None,
    output: Output = "table",
) -> None:
    """List what services gave up, oldest first.

    Example: autional events dlq list notification
    """
    from autional_cli.events import report

    found = asyncio.run(looked_at(instance, service or [], []))
    if output == "json":
        render.data({"schema": 1, "letters": [letter.to_json() for letter in found]})
    elif found:
        report.show_letters(found)
    else:
        render.out("[]")


@dlq.command()
def show(
    letter: Annotated[str, typer.Argument(help="As `dlq list` names it, or the id of its event.")],
    instance: Instance = None,
    output: Output = "table",
) -> None:
    """Show one letter with its event, the error, and where to look next.

    Example: autional events dlq show audit/1795000000000-0
    """
    from autional_cli.events import report

    [found] = asyncio.run(looked_at(instance, [], [letter]))
    if output == "json":
        render.data({"schema": 1, **found.to_json()})
    else:
        report.show_letter(found)


@dlq.command()
def replay(
    letter: Named = None,
    everything: Everything = False,
    service: Service = None,
    timeout: Annotated[float, typer.Option(help="Seconds to wait until they are applied.", min=0.0)] = 15.0,
    dry_run: DryRun = False,
    instance: Instance = None,
    output: Output = "table",
) -> None:
    """Deliver letters once more, to the service that gave them up and to nobody else; wait for what becomes of it.

    Examples: autional events dlq replay audit/1795000000000-0 · autional events dlq replay --all --service notification
    """
    from autional_cli.events import report
    from autional_cli.events.replay import refuse

    results, problems = asyncio.run(replayed(instance, wanted(letter, everything, service), timeout, dry_run))
    if output == "json":
        render.data({"schema": 1, "dry_run": dry_run, "letters": [result.to_json() for result in results]})
    else:
        report.show_replayed(results, dry_run)
    report.must_be_applied(results)
    refuse(problems)


@dlq.command()
def drop(
    letter: Named = None,
    everything: Everything = False,
    service: Service = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="They are lost for good; go on.")] = False,
    dry_run: DryRun = False,
    instance: Instance = None,
    output: Output = "table",
) -> None:
    """Throw letters away.

    Example: autional events dlq drop audit/1795000000000-0 --yes
    """
    from autional_cli.events import report

    found = asyncio.run(dropped(instance, wanted(letter, everything, service), yes and not dry_run))
    if output == "json":
        done = yes and not dry_run
        render.data({"schema": 1, "dropped": done, "letters": [each.to_json() for each in found]})
    elif found:
        report.show_letters(found)
    if found and not yes and not dry_run:
        raise AutionalError(
            f"{len(found)} dead letters would be lost for good",
            hint="the same command with --yes; or try them again: autional events dlq replay",
        )
    if output != "json":
        render.note(f"{len(found)} {'would be dropped' if dry_run else 'dropped'}")


@asynccontextmanager
async def letterbox(
    instance: str | None, services: Sequence[str]
) -> AsyncIterator[tuple[Letters, Mapping[str, ServiceSpec]]]:
    """Yield the dead letters of services (of all without one), and what the workspace has."""
    from autional_cli.events.bus import opened
    from autional_cli.events.letters import Letters
    from autional_cli.events.replay import consumers

    chosen, specs = known(instance)
    async with opened(chosen) as bus:
        yield Letters(bus, consumers(specs, services)), specs


def known(name: str | None) -> tuple[Chosen, Mapping[str, ServiceSpec]]:
    """Return the instance that is meant, and what the workspace has."""
    from autional_cli.workspace.discover import discover

    instance = instance_of(name)
    return instance, discover(instance.root)


def wanted(named: Sequence[str] | None, everything: bool, service: str | None) -> tuple[list[str], list[str]]:
    """Return services and letters to look at. AutionalError when nothing, or two things, are said."""
    if bool(named) == (everything or bool(service)):
        raise AutionalError("say which letters: their names, or --all, or --service", hint="autional events dlq list")
    return ([service] if service else []), list(named or ())


async def looked_at(instance: str | None, services: Sequence[str], named: Sequence[str]) -> list[Letter]:
    """Return the letters named, or all of some services."""
    async with letterbox(instance, services) as (box, _):
        return await box.chosen(named)


async def replayed(
    instance: str | None, what: tuple[list[str], list[str]], timeout_s: float, dry_run: bool
) -> tuple[list[Replayed], dict[str, str]]:
    """Replay letters, or only say which they are; return as well why some cannot be.

    AutionalError for such a one that was named, before any is replayed.
    """
    from autional_cli.events import replay as replaying

    services, named = what
    async with letterbox(instance, services) as (box, specs):
        found = await box.chosen(named)
        problems = replaying.undeliverable(found, specs)
        if named:
            replaying.refuse(problems)
        good = [each for each in found if each.name not in problems]
        if dry_run:
            return [replaying.Replayed(letter=each) for each in good], problems
        return await replaying.replay(box, good, time.monotonic() + timeout_s), problems


async def dropped(instance: str | None, what: tuple[list[str], list[str]], really: bool) -> list[Letter]:
    """Return the letters that are meant, dropped if `really`."""
    services, named = what
    async with letterbox(instance, services) as (box, _):
        found = await box.chosen(named)
        if really:
            for each in found:
                await box.drop(each)
        return found
