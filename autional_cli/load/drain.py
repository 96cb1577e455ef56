"""`drain --prove`: the drain or roll under load, and its report with the proof in it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from autional_cli.errors import AutionalError, ExitCode
from autional_cli.load.availability import quantiles
from autional_cli.load.crowd import Shape, Target
from autional_cli.load.proof import prove
from autional_cli.load.stopped import GATEWAY

if TYPE_CHECKING:
    from collections.abc import Callable

    from autional_cli.instance import Instance
    from autional_cli.load.crowd import Crowd
    from autional_cli.load.proof import Proof
    from autional_cli.supervisor.client import Connection

    Report = dict[str, Any]

QUIET_S = 2.0  # of load before, to compare with
AFTER_S = 1.5  # of load on what is left, or on the successors
SETTLE_S = 5.0  # for messages, at least; --timeout if that is more


@dataclass(frozen=True, slots=True, kw_only=True)
class DrainOrder:
    """What is to be drained, how long what is in flight may take, and under how much load."""

    services: tuple[str, ...]
    timeout_s: float
    restart: bool
    shape: Shape


async def prove_drain(
    instance: Instance,
    connection: Connection,
    order: DrainOrder,
    show: Callable[[dict[str, Any]], None],
    say: Callable[[str], None],
) -> Report:
    """Drain under load and return the report with `proof` in it; `show` is told each step, `say` each phase.

    Raises the supervisor's AutionalError, one with exit 4 if no gateway serves, and those of `load.proof.prove` for a
    platform that is not well before.
    """
    connection.request("drain", check=True, services=list(order.services))  # before anybody makes load for nothing
    target = running(instance, connection.request("status"))
    if GATEWAY not in target.services:
        raise AutionalError(
            f"no gateway serves in instance {instance.name}, so there is no way in for the load of a proof",
            hint="autional up; or drain without --prove",
            exit_code=ExitCode.BACKEND_UNAVAILABLE,
        )

    async def during(crowd: Crowd) -> Report:
        say(f"load: {order.shape.rate:g} steps/s of {len(crowd.residents)} users, {order.shape.newcomers} on journeys")
        since = time.time()
        report = await ask(connection, order, show)
        if not order.restart:
            left = running(instance, await asyncio.to_thread(connection.request, "status"))
            crowd.stopped.update(dict.fromkeys(set(target.services) - set(left.services), since))
        say("the load goes on for a moment, then messages are counted")
        return report

    say(f"{order.shape.users} users sign in")
    settle_s = max(SETTLE_S, order.timeout_s)
    proof = await prove(target, order.shape, during, before_s=QUIET_S, after_s=AFTER_S, settle_s=settle_s)
    return proved(proof, order.shape)


async def ask(connection: Connection, order: DrainOrder, show: Callable[[dict[str, Any]], None]) -> Report:
    """Have the supervisor drain; who is cancelled leaves at once, and the supervisor finishes what it has begun."""
    fields = {"services": list(order.services), "restart": order.restart}
    try:
        report: Report = await asyncio.to_thread(connection.request, "drain", show, order.timeout_s, **fields)
    except asyncio.CancelledError:
        connection.leave()
        raise
    return report


def running(instance: Instance, status: dict[str, Any]) -> Target:
    """Return the platform as far as it serves: a service that is stopped already is no part of the proof."""
    serving = [s for s in status["services"] if any(replica["state"] == "ready" for replica in s["replicas"])]
    return Target.of(instance, {**status, "services": serving})


def proved(proof: Proof[Report], shape: Shape) -> Report:
    """Return the report of the drain with the proof: `lost_requests` counts what either of them missed, once."""
    failed = proof.records.failed()
    traces = {request.trace_id for request in failed if request.trace_id}
    named = [work.get("trace_id") for service in proof.result["services"] for work in service["lost"]]
    known = sum(trace in traces for trace in named)
    before = [request.ms for request in proof.records.requests if request.at < proof.began]
    during = [request.ms for request in proof.records.requests if proof.began <= request.at < proof.ended]
    load = {"users": shape.users, "rate": shape.rate, "newcomers": shape.newcomers}
    latency = {"before": quantiles(before), "during": quantiles(during)}
    return {
        **proof.result,
        "lost_requests": proof.result["lost_requests"] - known + len(failed),
        "lost_messages": proof.lost_messages,
        "proof": {**proof.to_json(), "load": load, "latency": latency},
    }
