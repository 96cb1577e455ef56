"""`autional scale`: run more or fewer replicas of a service."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from autional_cli import render
from autional_cli.errors import AutionalError
from autional_cli.supervisor.target import FORMAT_HELP, HELP, instance_of

app = typer.Typer()


@app.command()
def scale(
    replicas: Annotated[list[str], typer.Argument(metavar="SERVICE=N...", help="How many of which service.")],
    timeout: Annotated[float, typer.Option(help="Seconds to wait until they are ready.", min=0.1)] = 60.0,
    instance: Annotated[str | None, typer.Option(help=HELP)] = None,
    output: Annotated[str, typer.Option("--format", help=FORMAT_HELP)] = "table",
) -> None:
    """Run so many replicas of services; those that are too much are drained, the newest first.

    The numbers survive edits and restarts; `autional down` forgets them, a stack file keeps them.

    Examples: autional scale session=3 profile=2 · autional scale session=1
    """
    from autional_cli.supervisor.client import require
    from autional_cli.supervisor.drain_progress import drain_progress
    from autional_cli.supervisor.drained import must_be_complete

    began = time.time()
    wanted = dict(parse(text) for text in replicas)
    with require(instance_of(instance)) as connection, drain_progress("autional scale") as shown:
        result = connection.request("scale", shown.show, timeout, replicas=wanted)
    if output == "json":
        render.data(result)
    else:
        numbers = ", ".join(f"{name} {number}" for name, number in wanted.items())
        render.out(f"replicas: {numbers} ({time.time() - began:.2f} s); until `autional down`")
    must_be_complete(result["drain"])


def parse(text: str) -> tuple[str, int]:
    """Return name and number of `session=3`; AutionalError for anything else."""
    name, _, number = text.partition("=")
    try:
        return name, int(number)
    except ValueError:
        raise AutionalError(f"{text!r} is not SERVICE=N", hint="for instance: autional scale session=3") from None
