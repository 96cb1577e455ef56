"""`autional restart`: replace services by new processes."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from autional_cli import render
from autional_cli.supervisor.target import FORMAT_HELP, HELP, instance_of

app = typer.Typer()


@app.command()
def restart(
    services: Annotated[list[str] | None, typer.Argument(help="Services or resources; none: all services.")] = None,
    timeout: Annotated[float, typer.Option(help="Seconds to wait until they are ready.", min=0.1)] = 60.0,
    instance: Annotated[str | None, typer.Option(help=HELP)] = None,
    output: Annotated[str, typer.Option("--format", help=FORMAT_HELP)] = "table",
) -> None:
    """Drain services and start new processes in their place; return when they are ready.

    Examples: autional restart identity · autional restart
    """
    from autional_cli.supervisor.client import require
    from autional_cli.supervisor.drained import must_be_complete
    from autional_cli.supervisor.progress import progress

    began = time.time()
    with require(instance_of(instance)) as connection, progress("autional restart") as shown:
        result = connection.request("restart", shown.show, timeout, services=services or [])
    if output == "json":
        render.data(result)
    else:
        render.out(f"{', '.join(services or ['all services'])} ready after {time.time() - began:.2f} s")
    must_be_complete(result["drain"])
