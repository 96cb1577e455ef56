"""`autional down`: drain and stop everything, and prove that nothing survives."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from autional_cli import render
from autional_cli.supervisor.target import FORMAT_HELP, HELP, new_instance_of

if TYPE_CHECKING:
    from autional_cli.instance import Instance
    from autional_cli.supervisor.client import Connection

LOOK_AGAIN_S = 0.05
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
    from autional_cli.supervisor import leftovers
    from autional_cli.supervisor.client import wait_gone
    from autional_cli.supervisor.drained import must_be_complete
    from autional_cli.supervisor.progress import progress

    began = time.time()
    target = new_instance_of(instance)
    connection = reach(target, timeout)
    if connection is None:
        if target.home.exists():
            leftovers.stop(target)
        if volumes:
            remove_volumes(target)
        result: dict[str, Any] = {
            "schema": 1,
            "instance": target.name,
            "state": "stopped",
            "stopped": [],
            "volumes_removed": volumes,
            "drain": {},
        }
    else:
        with connection, progress(f"autional down ({target.name})") as shown:
            result = connection.request("down", shown.show, timeout, volumes=volumes)
        wait_gone(result.pop("pid"))
    result["elapsed_ms"] = round((time.time() - began) * 1000)
    if output == "json":
        render.data(result)
        must_be_complete(result["drain"])
        return
    stopped = f"{len(result['stopped'])} units stopped; no process and no port is left" if connection else "not running"
    render.out(f"{stopped}; data {'removed' if volumes else 'kept'} ({result['elapsed_ms'] / 1000:.2f} s)")
    must_be_complete(result["drain"])


def reach(target: Instance, timeout_s: float) -> Connection | None:
    """Return a connection to the supervisor, or None if there is none; then none can start before this command ends.

    A supervisor that is just starting or ending is waited for. AutionalError (exit 5) when it takes too long.
    """
    from autional_cli.errors import ExitCode
    from autional_cli.supervisor.client import TELL_AFTER_S, await_holder, connect, unreachable
    from autional_cli.supervisor.volumes import acquire

    began = time.monotonic()
    deadline, told = began + timeout_s, False
    while target.home.exists():
        connection = connect(target)
        if connection is not None:
            return connection
        if acquire(target.home) is not None:  # held until this command ends
            return None
        if time.monotonic() > deadline:
            failure = unreachable(target, f"has been starting or stopping for {timeout_s:.0f} s")
            failure.exit_code = ExitCode.WAIT_TIMED_OUT
            raise failure
        told = told or await_holder(target, time.monotonic() - began > TELL_AFTER_S)
        time.sleep(LOOK_AGAIN_S)
    return None


def remove_volumes(target: Instance) -> None:
    """Remove the data of an instance that does not run."""
    from autional_cli.supervisor.topology import all_resources
    from autional_cli.supervisor.volumes import remove_data

    if not target.home.exists():
        return
    for resource in all_resources(target):
        asyncio.run(resource.remove())
    remove_data(target)
