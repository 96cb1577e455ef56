"""`autional drain`: stop or roll services so that nothing in flight is lost, and report it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from autional_cli import render
from autional_cli.errors import AutionalError
from autional_cli.supervisor.target import FORMAT_HELP, HELP, instance_of

if TYPE_CHECKING:
    from collections.abc import Iterator

app = typer.Typer()


@app.command()
def drain(
    services: Annotated[list[str] | None, typer.Argument(help="Services, or single replicas: session-1.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All services.")] = False,
    timeout: Annotated[
        float, typer.Option(help="Seconds that what is in flight may take; then it is cut off and named.", min=0)
    ] = 30.0,
    restart: Annotated[
        bool, typer.Option("--restart", help="Replace one by one: the new process serves before the old one drains.")
    ] = False,
    itself: Annotated[
        bool, typer.Option("--self", help="Drain the service of this container; for a preStop hook.")
    ] = False,
    instance: Annotated[str | None, typer.Option(help=HELP)] = None,
    output: Annotated[str, typer.Option("--format", help=FORMAT_HELP)] = "table",
) -> None:
    """Stop services in order, callers before callees, and report step by step what became of what was in flight.

    A drained service stays stopped until `autional up` or `autional restart`. Exit 8 when something was lost.

    Examples: autional drain session · autional drain --all --timeout 10 · autional drain --restart profile
    """
    from autional_cli.supervisor.drained import must_be_complete, remarks

    must_make_sense(services or [], every=every, itself=itself, restart=restart)
    if itself:
        from autional_cli.supervisor.alone import drain_alone

        report = drain_alone(timeout)
    else:
        report = ask(services or [], timeout, restart=restart, instance=instance)
    if output == "json":
        render.data(report)
    else:
        render.table(("NAME", "IN FLIGHT", "COMPLETED", "ABORTED", "UNACKED", "MS", "SLOWEST STEP"), rows(report))
        for remark in remarks(report):
            render.note(f"  {remark}")
        render.out(summary(report))
    must_be_complete(report)


def must_make_sense(services: list[str], *, every: bool, itself: bool, restart: bool) -> None:
    """Refuse what contradicts itself, and a drain of everything that nobody asked for."""
    if bool(services) + every + itself != 1:
        raise AutionalError("name the services to drain, or all of them, or the one here", hint="autional drain --all")
    if itself and restart:
        raise AutionalError("--self stops the service for good; whoever runs it starts it again", hint="--self alone")


def ask(services: list[str], timeout_s: float, *, restart: bool, instance: str | None) -> dict[str, Any]:
    """Have the supervisor do it, showing each step; return the report."""
    from autional_cli.supervisor.client import require
    from autional_cli.supervisor.drain_progress import drain_progress

    with require(instance_of(instance)) as connection, drain_progress("autional drain") as shown:
        fields = {"services": services, "restart": restart}
        report: dict[str, Any] = connection.request("drain", shown.show, timeout_s, **fields)
    return report


def rows(report: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield one row per process."""
    for service in report["services"]:
        slowest = max(service["steps"], key=lambda step: step["ms"], default=None)
        step = f"{slowest['name']} {slowest['ms']:.0f} ms" if slowest else service["exit"]
        counts = (str(service[name]) for name in ("in_flight", "completed", "aborted", "unacked", "elapsed_ms"))
        yield (service["name"], *counts, step)


def summary(report: dict[str, Any]) -> str:
    """Return the last line."""
    done = "rolled" if report["restarted"] else "drained"
    lost = f"{report['lost_requests']} requests and {report['lost_messages']} messages lost"
    attached = " (by another command that was running)" if report.get("attached") else ""
    return f"{len(report['services'])} {done} in {report['elapsed_ms'] / 1000:.2f} s{attached}; {lost}"
