"""`autional up`: start the platform, or the named services and what they need."""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from autional_cli import render
from autional_cli.errors import AutionalError
from autional_cli.supervisor.target import FORMAT_HELP, HELP, new_instance_of

if TYPE_CHECKING:
    from autional_cli.instance import Instance

app = typer.Typer()
TRY = ("autional smoke", "autional trace last", "autional logs -f")


@app.command()
def up(
    services: Annotated[
        list[str] | None, typer.Argument(help="Services to start with what they need; none: all.")
    ] = None,
    stack: Annotated[str | None, typer.Option(help="A file of stacks/, without .yaml.")] = None,
    driver: Annotated[str | None, typer.Option(help="How resources run: embedded, docker.")] = None,
    services_as: Annotated[
        str | None, typer.Option("--services", help="How services run: processes, or docker: containers of the image.")
    ] = None,
    image: Annotated[str, typer.Option(help="The image for --services docker; what `image build` made.")] = "",
    instance: Annotated[str | None, typer.Option(help=HELP)] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Return when everything is ready, or at once.")] = True,
    timeout: Annotated[float, typer.Option(help="Seconds to wait.", min=0.1)] = 60.0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the steps and start nothing.")] = False,
    timings: Annotated[bool, typer.Option("--timings", help="Show what the start spent its time on.")] = False,
    output: Annotated[str, typer.Option("--format", help=FORMAT_HELP)] = "table",
) -> None:
    """Start the platform, or the named services and what they need. A second `up` attaches and adds.

    Examples: autional up · autional up identity · autional up --stack login --timings · autional up --driver docker
    """
    began = time.time()
    target = new_instance_of(instance)
    wanted = {"services": services or [], "stack": stack, "driver": driver}
    wanted["image"] = chosen_image(target.root, services_as, image)
    if dry_run:
        show_plan(target, wanted, output)
        return
    from autional_cli import disk
    from autional_cli.supervisor.client import attach_or_start
    from autional_cli.supervisor.progress import progress

    disk.must_be_writable(target)
    with attach_or_start(target, began=began) as connection, progress(f"autional up ({target.name})") as shown:
        result = connection.request("up", shown.show, timeout, wait=wait, began=began, **wanted)
    result["elapsed_ms"] = round((time.time() - began) * 1000)
    show(result, output, timings=timings, waited=wait)


def chosen_image(root: Path, services_as: str | None, image: str) -> str | None:
    """Return the image that services are to be containers of: empty for none, None for what runs already."""
    if services_as not in (None, "processes", "docker") or (image and services_as != "docker"):
        raise AutionalError(
            f"services run as processes or in docker, not as {services_as!r}"
            if services_as
            else "--image is for docker",
            hint="autional up --services docker [--image REF]",
        )
    if services_as != "docker":
        return None if services_as is None else ""
    from autional_cli.images.build import default_tag

    return image or default_tag(root)


def show_plan(target: Instance, wanted: dict[str, Any], output: str) -> None:
    """Print the steps that `up` would take now."""
    from autional_cli.plan import plan
    from autional_cli.supervisor.client import connect
    from autional_cli.supervisor.request import Request
    from autional_cli.supervisor.topology import preview

    topology = preview(target, Request.from_json(wanted))
    connection = connect(target)
    observed: dict[str, str] = {}
    if connection:
        with connection:
            status = connection.request("status")
        units = (*status["services"], *status["resources"], *status["others"])
        observed = {unit["name"]: unit["state"] for unit in units}
    steps = plan(topology, observed)
    if output == "json":
        fields = ("action", "unit", "detail", "after")
        render.data({"schema": 1, "steps": [{name: getattr(step, name) for name in fields} for step in steps]})
        return
    for step in steps:
        render.out(str(step))
    render.note(f"{len(steps)} steps; nothing was started" if steps else "everything is ready; nothing to do")


def show(result: dict[str, Any], output: str, *, timings: bool, waited: bool) -> None:
    """Print where everything is and what to try."""
    if output == "json":
        render.data(result)
        return
    if timings:
        rows = [
            (t["step"], f"{t['start_ms']} ms", f"{t['duration_ms']} ms", "critical" if t["critical"] else "")
            for t in result["timings"]
        ]
        render.table(("STEP", "START", "DURATION", ""), rows)
        render.out()
    running = f"{len(result['services'])} services, {len(result['resources'])} resources"
    render.out(f"{running} {result['state']} in {result['elapsed_ms'] / 1000:.2f} s (instance {result['instance']})")
    for label, url in (
        ("gateway", result["gateway"]),
        ("api docs", result["gateway"]),
        ("traces", f"{result['dashboard']}/api/v3/services"),
    ):
        if result["gateway"] or label == "traces":
            render.out(f"  {label:<10} {url}{'/docs' if label == 'api docs' else ''}")
    for command in TRY if waited else ("autional wait", "autional ps"):
        render.out(f"  try        {program()}{command.removeprefix('autional')}")


def program() -> str:
    """Return how this person can call us again: by name, or by path where the environment is not on PATH."""
    me = Path(sys.argv[0])
    if shutil.which(me.name) and Path(shutil.which(me.name) or "").resolve() == me.resolve():
        return me.name
    return os.path.relpath(me) if me.is_absolute() and me.is_relative_to(Path.cwd()) else str(me)
