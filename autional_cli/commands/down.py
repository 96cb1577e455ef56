"""`autional down`: drain and stop everything, and prove that nothing survives."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from autional_cli import render
from autional_cli.supervisor.target import FORMAT_HELP, HELP, instance_of

if TYPE_CHECKING:
    from autional_cli.instance import Instance

app = typer.Typer()


@app.command()
def down(
    volumes: Annotated[
        bool, typer.Option("--volumes", help="Remove the data as well: databases, mail, traces.")
    ] = False,
    timeout: Annotated[float, typer.Option(help="Seconds to drain before what is left is killed.", min=0.1)] = 60.0,
    instance: Annotated[str | None, typer.Option(help=HELP)] = None,
    output: Annotated[str, typer.Option("--format", help=FORMAT_HELP)] = "table",
) -> None:
    """Drain and stop everything, the supervisor included, and prove that no process and no port survives.

    Examples: autional down · autional down --volumes
    """
    from autional_cli.supervisor.client import connect, wait_gone
    from autional_cli.supervisor.progress import progress

    began = time.time()
    target = instance_of(instance)
    connection = connect(target)
    if connection is None:
        if volumes:
            remove_volumes(target)
        result: dict[str, Any] = {
            "schema": 1,
            "instance": target.name,
            "state": "stopped",
            "stopped": [],
            "volumes_removed": volumes,
        }
    else:
        with connection, progress(f"autional down ({target.name})") as shown:
            result = connection.request("down", shown.show, timeout, volumes=volumes)
        wait_gone(result.pop("pid"))
    result["elapsed_ms"] = round((time.time() - began) * 1000)
    if output == "json":
        render.data(result)
        return
    stopped = f"{len(result['stopped'])} units stopped; no process and no port is left" if connection else "not running"
    render.out(f"{stopped}; data {'removed' if volumes else 'kept'} ({result['elapsed_ms'] / 1000:.2f} s)")


def remove_volumes(target: Instance) -> None:
    """Remove the data of an instance that does not run."""
    from autional_cli.errors import AutionalError, ExitCode
    from autional_cli.supervisor.topology import all_resources
    from autional_cli.supervisor.volumes import acquire, remove_data

    if not target.home.exists():
        return
    if acquire(target.home) is None:  # held until this command ends
        raise AutionalError(
            f"instance {target.name} is being started or stopped",
            hint="run the command again in a moment",
            exit_code=ExitCode.BACKEND_UNAVAILABLE,
        )
    for resource in all_resources(target):
        asyncio.run(resource.remove())
    remove_data(target)
