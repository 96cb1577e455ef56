"""`autional wait`: block until services are in a state; for scripts and CI."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from autional_cli import render
from autional_cli.errors import AutionalError
from autional_cli.supervisor.target import FORMAT_HELP, HELP, instance_of

app = typer.Typer()
STATES = ("ready", "stopped", "failed", "starting", "draining", "pending", "unhealthy")


@app.command()
def wait(
    services: Annotated[list[str] | None, typer.Argument(help="Services or resources; none: all.")] = None,
    state: Annotated[str, typer.Option("--for", help="The state to wait for.")] = "ready",
    timeout: Annotated[float, typer.Option(help="Seconds to wait; exit 5 when they pass.", min=0.1)] = 60.0,
    instance: Annotated[str | None, typer.Option(help=HELP)] = None,
    output: Annotated[str, typer.Option("--format", help=FORMAT_HELP)] = "table",
) -> None:
    """Block until services are ready. Exit 5 when the time is up, 6 when one of them failed.

    Examples: autional wait · autional wait identity session --timeout 10
    """
    from autional_cli.supervisor.client import require
    from autional_cli.supervisor.progress import progress

    if state not in STATES:
        raise AutionalError(f"there is no state {state!r}", hint=f"--for one of: {', '.join(STATES)}")
    began = time.time()
    with require(instance_of(instance)) as connection, progress(f"waiting for {state}") as shown:
        fields = {"services": services or [], "for": state}
        result = connection.request("wait", shown.show, timeout, **fields)
    if output == "json":
        render.data(result)
    else:
        render.out(f"{', '.join(services or ['everything'])} {state} after {time.time() - began:.2f} s")
