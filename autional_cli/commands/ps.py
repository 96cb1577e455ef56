"""`autional ps`: every service and resource with its state."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from autional_cli import render
from autional_cli.supervisor.target import FORMAT_HELP, HELP, instance_of

if TYPE_CHECKING:
    from collections.abc import Iterator

app = typer.Typer()


@app.command()
def ps(
    instance: Annotated[str | None, typer.Option(help=HELP)] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Print every change as a line of JSON.")] = False,
    output: Annotated[str, typer.Option("--format", help=FORMAT_HELP)] = "table",
) -> None:
    """Show every service and resource with its state, process, restarts and address.

    Examples: autional ps · autional ps --format json · autional ps --follow
    """
    from autional_cli.supervisor.client import connect
    from autional_cli.supervisor.last import killed
    from autional_cli.supervisor.report import empty

    target = instance_of(instance)
    connection = connect(target)
    if connection is None:
        status = empty(target.name)
    elif follow:
        with connection:
            connection.request("follow", render.line, timeout_s=float("inf"))
        return
    else:
        with connection:
            status = connection.request("status")
    if output == "json":
        render.data(status)
        return
    render.table(("NAME", "STATE", "PID", "RESTARTS", "SINCE", "URL", "DETAIL"), rows(status))
    for trouble in status.get("troubles", ()):
        render.note(f"supervisor: {trouble['work']} does not work: {trouble['error']}")
    if connection is None and (how := killed(target)):
        render.note(how)
    render.note(f"instance {status['instance']} is {status['state']}" + ("" if connection else ": autional up"))


def rows(status: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield one row per process and resource."""
    for service in status["services"]:
        for replica in service["replicas"]:
            yield row(replica, replica.get("url") or service["url"])
    for unit in (*status["resources"], *status.get("others", ())):
        if unit.get("kind") != "task" or unit["state"] != "ready":
            yield row(unit, unit["url"])


def row(unit: dict[str, Any], url: str) -> tuple[str, ...]:
    """Return the cells of one unit."""
    trouble = unit["reason"] if unit["state"] != "ready" else ""
    lacks = ", ".join(unit.get("lacks", ())) if unit["state"] == "ready" else ""
    detail = "  ".join(filter(None, (trouble, lacks, unit["status"])))
    since = age(time.time() - unit["since"]) if unit.get("since") else ""
    return (unit["name"], unit["state"], str(unit["pid"] or "-"), str(unit["restarts"]), since, url, detail)


def age(seconds: float) -> str:
    """Return a duration with one unit: `12s`, `3m`, `5h`, `2d`."""
    for size, name in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{int(seconds // size)}{name}"
    return f"{max(0, int(seconds))}s"
