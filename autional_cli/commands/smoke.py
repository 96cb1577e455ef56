"""`autional smoke`: a real user's journey through the gateway, then the trace of its login."""

from __future__ import annotations

import asyncio
import shutil
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Any

import typer

from autional_cli import render
from autional_cli.errors import AutionalError, ExitCode
from autional_cli.supervisor.target import FORMAT_HELP, HELP, instance_of

if TYPE_CHECKING:
    from autional_cli.instance import Instance
    from autional_cli.journeys import Outcome
    from autional_cli.telemetry.analyse import Analysis

REQUEST_S = 30.0
app = typer.Typer()
# The services that one login passes (design: SERVICES, "The login every newcomer sees").
LOGIN_SERVICES = frozenset({"gateway", "identity", "session", "mfa", "audit", "notification"})


@app.command()
def smoke(
    instance: Annotated[str | None, typer.Option(help=HELP)] = None,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for the whole trace of the login.", min=0.1)] = 20.0,
    output: Annotated[str, typer.Option("--format", help=FORMAT_HELP)] = "table",
) -> None:
    """Register, confirm, sign in, use a second factor, refresh, sign out; then show the login's trace.

    Exit 6 if a step fails or a service is missing from the trace.
    """
    target = instance_of(instance)
    status = running(target)
    outcomes, trace_id = asyncio.run(journey(target, status, output))
    broken = next((outcome for outcome in outcomes if not outcome.ok), None)
    analysis, missing = login_trace(target, trace_id, timeout) if trace_id else (None, sorted(LOGIN_SERVICES))
    if output == "json":
        render.data(report(outcomes, trace_id, missing, analysis))
    elif analysis is not None:
        show(analysis)
    if broken is not None:
        raise AutionalError(
            f"{broken.name}: {broken.error}", hint=next_command(broken), exit_code=ExitCode.SERVICE_FAILED
        )
    if missing:
        raise AutionalError(
            f"the login's trace lacks {', '.join(missing)}",
            hint=f"autional trace {trace_id}; autional why {missing[0]}",
            exit_code=ExitCode.SERVICE_FAILED,
        )
    if output != "json":
        render.note(f"{len(outcomes)} steps passed; the login's trace shows {', '.join(sorted(LOGIN_SERVICES))}")


def running(target: Instance) -> dict[str, Any]:
    """Return the state of the platform; AutionalError (exit 4) unless it is up."""
    from autional_cli.supervisor.client import require

    with require(target) as connection:
        status: dict[str, Any] = connection.request("status")
    return status


async def journey(target: Instance, status: dict[str, Any], output: str) -> tuple[list[Outcome], str]:
    """Run all steps of the services that are up, printing each; return them and the id of the login's trace."""
    import aiohttp

    from autional_cli.journeys import steps, travel
    from autional_cli.resources.mailbox import MailboxReader
    from services.chassis.journey import Traveller

    planned = steps(service["name"] for service in status["services"])
    outcomes: list[Outcome] = []
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=REQUEST_S)) as session:
        user = Traveller(gateway=status["gateway"], session=session, post=MailboxReader(target.data_dir / "mailbox"))
        async for outcome in travel(user, planned):
            outcomes.append(outcome)
            if output != "json":
                mark = "ok  " if outcome.ok else "FAIL"
                render.out(f"{mark}  {outcome.name:<32}{outcome.ms:9.1f} ms  {len(outcome.requests)} requests")
    return outcomes, str(user.facts.get("login_trace", ""))


def login_trace(target: Instance, trace_id: str, timeout_s: float) -> tuple[Analysis, list[str]]:
    """Return the trace once it is whole, and the services of a login that it lacks at the deadline."""
    from autional_cli.telemetry.locate import open_traces
    from autional_cli.telemetry.selection import Request, find

    with closing(open_traces(target.home, time.time_ns())) as store:
        analysis, _ = find(Request(trace_id, None, "", timeout_s), store, target.logs_dir)
    return analysis, sorted(LOGIN_SERVICES - set(analysis.services))


def show(analysis: Analysis) -> None:
    """Draw the trace."""
    from autional_cli.telemetry.palette import Palette
    from autional_cli.telemetry.waterfall import draw

    unicode = "utf" in (sys.stdout.encoding or "").lower()
    width = shutil.get_terminal_size((120, 40)).columns
    render.out()
    render.block(draw(analysis, width=width, palette=Palette(render.colour()), unicode=unicode))


def report(outcomes: list[Outcome], trace_id: str, missing: list[str], analysis: Analysis | None) -> dict[str, Any]:
    """Return the result as JSON."""
    from dataclasses import asdict

    from autional_cli.telemetry.report import report as trace_report

    return {
        "schema": 1,
        "ok": all(outcome.ok for outcome in outcomes) and not missing,
        "steps": [asdict(outcome) for outcome in outcomes],
        "login_trace": trace_id,
        "missing_services": missing,
        "trace": trace_report(analysis) if analysis else None,
    }


def next_command(broken: Outcome) -> str:
    """Return what to look at for a failed step."""
    if broken.requests and broken.requests[-1]["trace_id"]:
        return f"autional trace {broken.requests[-1]['trace_id']}"
    return f"autional why {broken.name.partition('.')[0]}"
