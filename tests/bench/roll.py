"""A rolling restart of all services, again and again for two minutes, under mixed load with everything accounted for.

Quiet is the same load of the same users on the same platform before the first roll.
"""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING

from autional_cli.instance import Instance
from autional_cli.load.crowd import Shape, Target
from autional_cli.load.proof import Proof, prove
from tests.bench.report import Result, median, quantile
from tests.platform.running import Platform

if TYPE_CHECKING:
    from autional_cli.load.crowd import Crowd

SHAPE = Shape(users=18, rate=20, newcomers=1)
WARM_S = 10.0  # of load that counts for the account, not for the times: caches fill, connections are made
QUIET_S = 30.0
ROLLING_S = 120.0
SETTLE_S = 30.0


def measure() -> Result:
    """Roll a platform under load until the time is over."""
    result = Result(name=f"rolling restart for {ROLLING_S:.0f} s under {SHAPE.rate:g} steps/s of {SHAPE.users} users")
    platform = Platform(instance="bench-roll")
    try:
        status = platform.up()
        target = Target.of(Instance.open(platform.root, platform.instance), status)
        during = partial(roll, platform)
        proof = asyncio.run(prove(target, SHAPE, during, before_s=WARM_S + QUIET_S, settle_s=SETTLE_S))
    finally:
        platform.down()
    add_figures(result, proof)
    return result


async def roll(platform: Platform, _crowd: Crowd) -> list[float]:
    """Roll all services until the time is over; return the seconds that each roll took."""
    ends = time.monotonic() + ROLLING_S
    took = []
    while time.monotonic() < ends:
        report = await asyncio.to_thread(platform.json, "drain", "--restart", "--all")
        took.append(report["elapsed_ms"] / 1000)
    return took


def add_figures(result: Result, proof: Proof[list[float]]) -> None:
    """Add what became of requests and messages, and how long requests took."""
    sent = proof.records.requests
    quiet = [request.ms for request in sent if proof.began - QUIET_S <= request.at < proof.began]
    rolling = [request.ms for request in sent if proof.began <= request.at < proof.ended]
    account = proof.account
    result.add("rolls of all services", len(proof.result), "")
    result.add("one roll, median", median(proof.result), "s")
    result.add("requests in all", len(sent), "")
    result.add("failed requests", proof.lost_requests, "", at_most=0)
    result.add("messages due", account.due, "")
    result.add("messages applied once", account.applied, "")
    result.add("lost or doubled messages", len(account.lost) + len(account.doubled), "", at_most=0)
    result.add(f"quiet, {len(quiet)} requests, median", median(quiet), "ms")
    result.add(f"rolling, {len(rolling)} requests, median", median(rolling), "ms")
    result.add("quiet, P99", quantile(quiet, 0.99), "ms")
    result.add("rolling, P99", quantile(rolling, 0.99), "ms")
    result.add("P99 rolling / quiet", quantile(rolling, 0.99) / quantile(quiet, 0.99), "", at_most=3)
    for request in proof.records.failed()[:10]:
        result.add(f"FAILED {request.method} {request.path[:30]} {request.error[:40]}", request.status, "")
