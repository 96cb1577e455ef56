"""`autional drain`: stop or roll services so that nothing in flight is lost, and report it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from autional_cli import render
from autional_cli.errors import AutionalError
from autional_cli.supervisor.target import FORMAT_HELP, HELP, instance_of

if TYPE_CHECKING:
    from collections.abc import Iterator

app = typer.Typer()

USERS_HELP = "--prove: users who repeat one step each; 18 unless told."
LOAD_HELP = "--prove: steps per second of all users together; 20 unless told; 0: as fast as answers come."
ENDS = {"answered": "answered", "refused": "refused rightly", "turned_away": "turned away", "failed": "lost"}


@app.command()
def drain(
    services: Annotated[list[str] | None, typer.Argument(help="Services, or single replicas: session-1.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All services.")] = False,
    timeout: Annotated[
        float, typer.Option(help="Seconds that what is in flight may take; then it is cut off and named.", min=0)
    ] = 30.0,
    restart: Annotated[
        bool, typer.Option("--restart", help="Replace one by one: the new process serves before the old one drains.")
    ] = False,
    itself: Annotated[
        bool, typer.Option("--self", help="Drain the service of this container; for a preStop hook.")
    ] = False,
    prove: Annotated[
        bool, typer.Option("--prove", help="Under load, with every request and every message accounted for.")
    ] = False,
    users: Annotated[int | None, typer.Option(help=USERS_HELP, min=1, max=500)] = None,
    load: Annotated[float | None, typer.Option(help=LOAD_HELP, min=0, max=10_000)] = None,
    instance: Annotated[str | None, typer.Option(help=HELP)] = None,
    output: Annotated[str, typer.Option("--format", help=FORMAT_HELP)] = "table",
) -> None:
    """Stop services in order, callers before callees, and report step by step what became of what was in flight.

    A drained service stays stopped until `autional up` or `autional restart`. Exit 8 when something was lost.

    --prove has users on every service's journey while it happens. Lost is a request that was not answered as it should
    be, and a message that was not applied exactly once. Where services stay stopped, a request that needs them and was
    on its way or sent later may be refused cleanly (503 in an envelope; no connection without the gateway): it counts
    as turned away. What the bus or an outbox keeps for a stopped service counts as kept. Anything else is lost.

    Examples: autional drain session · autional drain --all --timeout 10 · autional drain --restart profile ·
    autional drain --restart --all --prove
    """
    from autional_cli.supervisor.drained import must_be_complete

    must_make_sense(services or [], every=every, itself=itself, restart=restart)
    must_be_for_the_proof(prove=prove, itself=itself, users=users, load=load)
    if itself:
        from autional_cli.supervisor.alone import drain_alone

        report = drain_alone(timeout)
    elif prove:
        report = ask_for_proof(services or [], timeout, restart, users, load, instance)
    else:
        report = ask(services or [], timeout, restart=restart, instance=instance)
    show(report, output)
    must_be_complete(report)


def must_make_sense(services: list[str], *, every: bool, itself: bool, restart: bool) -> None:
    """Refuse what contradicts itself, and a drain of everything that nobody asked for."""
    if bool(services) + every + itself != 1:
        raise AutionalError("name the services to drain, or all of them, or the one here", hint="autional drain --all")
    if itself and restart:
        raise AutionalError("--self stops the service for good; whoever runs it starts it again", hint="--self alone")


def ask(services: list[str], timeout_s: float, *, restart: bool, instance: str | None) -> dict[str, Any]:
    """Have the supervisor do it, showing each step; return the report."""
    from autional_cli.supervisor.client import require
    from autional_cli.supervisor.drain_progress import drain_progress

    with require(instance_of(instance)) as connection, drain_progress("autional drain") as shown:
        fields = {"services": services, "restart": restart}
        report: dict[str, Any] = connection.request("drain", shown.show, timeout_s, **fields)
    return report


def must_be_for_the_proof(*, prove: bool, itself: bool, users: int | None, load: float | None) -> None:
    """Refuse options of a proof that is not asked for or cannot be had."""
    if prove and itself:
        raise AutionalError("--prove needs the whole platform, and --self knows one service", hint="--self alone")
    if not prove and (users, load) != (None, None):
        raise AutionalError("--users and --load say how much load --prove makes", hint="add --prove")


def ask_for_proof(
    services: list[str], timeout_s: float, restart: bool, users: int | None, load: float | None, instance: str | None
) -> dict[str, Any]:
    """Have the supervisor do it under load, showing each phase and step; return the report with its proof."""
    import asyncio
    import math

    from autional_cli.load.crowd import Shape
    from autional_cli.load.drain import DrainOrder, prove_drain
    from autional_cli.supervisor.client import require
    from autional_cli.supervisor.drain_progress import drain_progress

    if not math.isfinite(timeout_s):
        raise AutionalError("--timeout is how long --prove waits for messages: it has to end", hint="--timeout 30")
    if load is not None and math.isnan(load):
        raise AutionalError("--load is a number of steps per second", hint="--load 20")
    usual = Shape()
    shape = Shape(users=usual.users if users is None else users, rate=usual.rate if load is None else load)
    order = DrainOrder(services=tuple(services), timeout_s=timeout_s, restart=restart, shape=shape)
    target = instance_of(instance)
    with require(target) as connection, drain_progress("autional drain --prove") as shown:
        return asyncio.run(prove_drain(target, connection, order, shown.show, render.note))


def account(proof: dict[str, Any] | None) -> Iterator[str]:
    """Yield what became of requests and messages."""
    if not proof:
        return
    requests, messages, ms = proof["requests"], proof["messages"], proof["latency"]
    ended = " + ".join(f"{requests[how]} {word}" for how, word in ENDS.items())
    p99 = f"P99 {ms['before']['p99_ms']:.0f} → {ms['during']['p99_ms']:.0f} ms"
    kept = f" + {messages['kept']} kept for what is stopped" if messages["kept"] else ""
    wrong = f"{proof['lost_messages']} lost, {proof['doubled_messages']} doubled"
    due = f"{messages['published']} published, due {messages['due']} times"
    yield f"requests  {requests['sent']} sent = {ended}; {p99}"
    yield f"messages  {due} = {messages['applied']} applied once{kept}; {wrong}"


def show(report: dict[str, Any], output: str) -> None:
    """Print the report."""
    from autional_cli.supervisor.drained import remarks

    if output == "json":
        render.data(report)
        return
    render.table(("NAME", "IN FLIGHT", "COMPLETED", "ABORTED", "UNACKED", "MS", "SLOWEST STEP"), rows(report))
    for remark in remarks(report):
        render.note(f"  {remark}")
    for line in (summary(report), *account(report.get("proof"))):
        render.out(line)


def rows(report: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield one row per process."""
    for service in report["services"]:
        slowest = max(service["steps"], key=lambda step: step["ms"], default=None)
        step = f"{slowest['name']} {slowest['ms']:.0f} ms" if slowest else service["exit"]
        counts = (str(service[name]) for name in ("in_flight", "completed", "aborted", "unacked", "elapsed_ms"))
        yield (service["name"], *counts, step)


def summary(report: dict[str, Any]) -> str:
    """Return the last line."""
    done = "rolled" if report["restarted"] else "drained"
    lost = f"{report['lost_requests']} requests and {report['lost_messages']} messages lost"
    attached = " (by another command that was running)" if report.get("attached") else ""
    return f"{len(report['services'])} {done} in {report['elapsed_ms'] / 1000:.2f} s{attached}; {lost}"
