"""`autional test`: pytest against a platform of its own; with --parity the same behaviour on two drivers."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from autional_cli import render
from autional_cli.errors import AutionalError, ExitCode
from autional_cli.pytest_plugin.options import PARENT
from autional_cli.supervisor.target import FORMAT_HELP
from autional_cli.workspace.locate import VARIABLE, find_root

if TYPE_CHECKING:
    from pathlib import Path

    from autional_cli.parity.observation import Observation

app = typer.Typer()
SIDES = ("embedded", "docker")
WALKS = 2
INTERRUPTED, INTERNAL, USAGE, NOTHING = 2, 3, 4, 5  # pytest's own exit codes


@app.command()
def test(
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="[-- ARGS…]", help="What pytest is given; options of it after --.")
    ] = None,
    driver: Annotated[str | None, typer.Option(help="How the servers of the platform run.")] = None,
    stack: Annotated[str | None, typer.Option(help="A file of stacks/, without .yaml.")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the platform running for the next --keep.")] = False,
    parity: Annotated[bool, typer.Option("--parity", help="Compare the behaviour of two sides instead.")] = False,
    side: Annotated[
        list[str] | None, typer.Option(help="With --parity, twice: DRIVER[:STACK]. Default: embedded and docker.")
    ] = None,
    output: Annotated[str, typer.Option("--format", help=FORMAT_HELP)] = "table",
) -> None:
    """Run pytest on a platform of its own, started by the first test that needs it and gone after the last.

    With --parity: walk the journeys of all services, and what else may differ, on two drivers, and print both side by
    side. Exit 1 if a test failed or the sides differ.

    Examples: autional test · autional test tests/platform -- -k login -x · autional test --driver docker -- -n 4 ·
    autional test --parity · autional test --parity --side embedded --side docker:login --format json
    """
    root = find_root()
    if parity:
        if arguments or driver or stack or keep:
            raise AutionalError("--parity takes sides, no tests and no single driver", hint="--side DRIVER[:STACK]")
        raise typer.Exit(compare_sides(root, side or list(SIDES), output))
    if side:
        raise AutionalError("--side is of --parity", hint="autional test --parity --side embedded --side docker")
    raise typer.Exit(run_pytest(root, arguments or [], driver=driver, stack=stack, keep=keep))


def run_pytest(root: Path, arguments: list[str], *, driver: str | None, stack: str | None, keep: bool) -> int:
    """Run pytest in the current folder and return our exit code for its own."""
    if importlib.util.find_spec("pytest") is None:
        raise AutionalError(
            "pytest is not installed beside autional",
            hint=f"{sys.executable} -m pip install pytest",
            exit_code=ExitCode.BACKEND_UNAVAILABLE,
        )
    options = [f"--platform-driver={driver}"] if driver else []
    options += [f"--platform-stack={stack}"] if stack else []
    options += ["--keep-platform"] if keep else []
    process = subprocess.Popen(  # noqa: S603 - pytest of our own environment
        [sys.executable, "-m", "pytest", *options, *arguments],
        env={**os.environ, VARIABLE: str(root), PARENT: str(os.getpid())},
    )
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: process.send_signal(signal.SIGINT))
    while True:
        try:
            return ours(process.wait())
        except KeyboardInterrupt:
            continue  # pytest has it as well: it takes the platform down, and ends


def ours(code: int) -> int:
    """Return the exit code of this command for one of pytest."""
    if code == NOTHING:
        render.note("no test was found; `autional test PATH -- OPTIONS`")
    known = {INTERRUPTED: ExitCode.INTERRUPTED, USAGE: ExitCode.USAGE, NOTHING: ExitCode.USAGE}
    return int(known.get(code, ExitCode.OK if code == 0 else ExitCode.FINDINGS))


def compare_sides(root: Path, texts: list[str], output: str) -> int:
    """Run the suite on both sides, one after the other, and print what they have in common and what not."""
    from autional_cli.parity import report
    from autional_cli.parity.compare import compare
    from autional_cli.parity.observe import observe
    from autional_cli.parity.sides import Side, running

    if len(texts) != 2:
        raise AutionalError(f"a comparison has two sides, not {len(texts)}", hint="--side embedded --side docker")
    found: list[Observation] = []
    for number, side in enumerate([Side.parse(text) for text in texts]):
        with render.status("autional test --parity") as say, running(root, side, number, say) as platform:
            label = str(side) if texts[0] != texts[1] else f"{side} {number + 1}"
            found.append(asyncio.run(observe(platform, label, side.stack or "full", walks=WALKS, say=say)))
    left, right = found
    differences = compare(left, right)
    if output == "json":
        render.data(report.to_json(left, right, differences))
    else:
        report.show(left, right, differences)
        same = f"{len(left.steps)} steps are the same on {left.label} and {right.label}"
        render.note(f"{len(differences)} differences" if differences else same)
    return int(ExitCode.FINDINGS if differences or failed(found) else ExitCode.OK)


def failed(found: list[Observation]) -> bool:
    """Whether a step failed on any side: what fails on both is the same, but nothing to be content with."""
    return any(step.outcome == "failed" for side in found for step in side.steps.values())
