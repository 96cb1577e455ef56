"""`autional why`: why a service is not ready, and the command that fixes it."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from autional_cli import render
from autional_cli.supervisor.target import FORMAT_HELP, HELP, instance_of

app = typer.Typer()


@app.command()
def why(
    service: Annotated[str, typer.Argument(help="A service or resource.")],
    instance: Annotated[str | None, typer.Option(help=HELP)] = None,
    output: Annotated[str, typer.Option("--format", help=FORMAT_HELP)] = "table",
) -> None:
    """Say why a service is as it is: the first thing that failed, its last words, and what to run next.

    Examples: autional why identity · autional why postgres --format json
    """
    from autional_cli.supervisor.client import connect
    from autional_cli.supervisor.last import recall

    target = instance_of(instance)
    connection = connect(target)
    if connection is None:
        found = recall(target, service)
    else:
        with connection:
            found = connection.request("why", service=service)
    if output == "json":
        render.data(found)
    else:
        show(found)


def show(found: dict[str, Any]) -> None:
    """Print the explanation."""
    unit = found["cause"] or found["unit"]
    render.out(found["summary"])
    facts = {
        "path": " → ".join(found["path"]) if len(found["path"]) > 1 else "",
        "exit": found["exit"] or "",
        "restarts": str(unit["restarts"]) if unit["restarts"] else "",
        "status": unit["status"],
        "waits for": ", ".join(found["waits_for"]),
        "since": time.strftime("%H:%M:%S", time.localtime(unit["since"])) if unit["since"] else "",
    }
    for name, value in facts.items():
        if value:
            render.out(f"  {name:<10} {value}")
    if found["output"]:
        render.out(f"  last lines of {unit['name']}:")
        for line in found["output"]:
            render.out(f"    {line}")
    for trouble in found.get("troubles", ()):
        render.out(f"  supervisor {trouble['work']} does not work: {trouble['error']} ({trouble['times']} times)")
    render.out(f"  next       {found['next']}")
