"""`autional chaos`: have something go wrong on purpose, under load, and report what the platform did about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from autional_cli import render
from autional_cli.errors import AutionalError
from autional_cli.supervisor.target import FORMAT_HELP, HELP, instance_of

if TYPE_CHECKING:
    from autional_cli.chaos.catalogue import Order
    from autional_cli.chaos.drill import Timing
    from autional_cli.load.crowd import Shape

app = typer.Typer()


@app.command()
def chaos(
    drill: Annotated[
        str | None, typer.Argument(help="latency, errors, cut, stop, kill, pause-database, disk-full.")
    ] = None,
    targets: Annotated[list[str] | None, typer.Argument(help="What it is done to; see --list.")] = None,
    show: Annotated[bool, typer.Option("--list", help="List the drills, what each does and how it is undone.")] = False,
    lasting: Annotated[str, typer.Option("--for", help="How long the fault lasts, such as 10s or 500ms.")] = "10s",
    ms: Annotated[float, typer.Option(help="latency: milliseconds for each request.")] = 300.0,
    rate: Annotated[float, typer.Option(help="errors: the share of requests that fail.")] = 0.2,
    load: Annotated[float, typer.Option(help="Load: steps per second; 0: as fast as answers come.", min=0)] = 20.0,
    users: Annotated[int, typer.Option(help="Load: users who repeat one step each; 0: no load.", min=0, max=500)] = 18,
    newcomers: Annotated[int, typer.Option(help="Load: users on whole journeys.", min=0, max=50)] = 1,
    recover: Annotated[str, typer.Option(help="How long recovery may take.")] = "20s",
    instance: Annotated[str | None, typer.Option(help=HELP)] = None,
    output: Annotated[str, typer.Option("--format", help=FORMAT_HELP)] = "table",
) -> None:
    """Break one thing for a while, under load; then say who answered, who degraded, who recovered and what was lost.

    The fault ends with its time, with Ctrl-C, or with this command, however that ends. Exit 6 if something did not
    recover, 8 if a message was lost or applied twice.

    Examples: autional chaos latency profile --ms 300 --for 10s · autional chaos errors session --rate 0.2 ·
    autional chaos cut identity mfa · autional chaos stop notification · autional chaos kill postgres
    """
    if show or drill is None:
        list_drills(output)
        return
    from autional_cli.chaos.catalogue import duration, ordered
    from autional_cli.chaos.drill import QUIET_S, Timing
    from autional_cli.load.crowd import Shape

    order = ordered(drill, targets or (), for_s=duration(lasting), ms=ms, rate=rate)
    shape = Shape(users=users, rate=load, newcomers=newcomers if users else 0)
    quiet_s, recover_s = (QUIET_S, duration(recover, "--recover")) if users else (0.0, 0.0)
    timing = Timing(before_s=quiet_s, recover_s=recover_s)
    raise typer.Exit(run(order, shape, timing, instance, output))


def run(order: Order, shape: Shape, timing: Timing, instance: str | None, output: str) -> int:
    """Do the drill, print the report, and return the exit code."""
    import asyncio

    from autional_cli.chaos.drill import drill
    from autional_cli.chaos.report import COLUMNS, exit_code, report, rows, summary
    from autional_cli.load.crowd import Target
    from autional_cli.supervisor.client import require

    if output not in ("table", "json"):
        raise AutionalError(f"--format {output!r} is neither table nor json", hint="autional chaos --format json …")
    target = instance_of(instance)
    with require(target) as connection:
        status = connection.request("status")
        connection.request("chaos", check=True, **order.to_json())  # before anybody makes load for nothing
    finding = asyncio.run(drill(Target.of(target, status), order, shape, timing, render.note))
    document = report(finding)
    if output == "json":
        render.data(document)
    else:
        render.table(COLUMNS, rows(document))
        for line in summary(finding, document):
            render.out(line)
    return int(exit_code(finding))


def list_drills(output: str) -> None:
    """Print every drill."""
    from autional_cli.chaos.catalogue import DRILLS

    if output == "json":
        described = [
            {"name": name, "targets": list(d.targets), "summary": d.summary, "undo": d.undo}
            for name, d in DRILLS.items()
        ]
        render.data({"schema": 1, "drills": described})
        return
    shown = [(" ".join((name, *d.targets)), d.summary, d.undo) for name, d in DRILLS.items()]
    render.table(("DRILL", "WHAT HAPPENS", "HOW IT ENDS"), shown)
