"""How long a drain takes: of an idle service, of the idle platform, of a busy one; and what a roll does to the callers.

Locally the lame duck ends as soon as the last caller has gone elsewhere (at least 50 ms, at most 0.5 s); in production
it is 3 s, so that each figure there is about 3 s more for each level of the order.
"""

from __future__ import annotations

import asyncio
from typing import Any

from tests.bench.report import Result, median, quantile
from tests.platform.load import Load, mixed_load
from tests.platform.running import Platform

_RUNS = 3
_QUIET_S = 10.0
# For what a drain does besides waiting for requests: the gateway's goodbye to clients that are connected, and the rest.
_LEAVE_S = 3.0
_USERS = 4


def measure() -> Result:
    """Measure drains and a rolling restart of all services on one platform."""
    result = Result(name="drain")
    platform = Platform(instance="bench-drain")
    try:
        platform.up()
        idle(platform, result)
        asyncio.run(busy(platform, result))
    finally:
        platform.down()
    return result


def idle(platform: Platform, result: Result) -> None:
    """Drain one service, then all of them, with nothing to do."""
    one, everything = [], []
    for _ in range(_RUNS):
        one.append(platform.json("drain", "profile")["elapsed_ms"] / 1000)
        platform.up()
        everything.append(platform.json("drain", "--all")["elapsed_ms"] / 1000)
        platform.up()
    result.add("idle service, worst", max(one), "s", at_most=1)
    result.add("idle platform, worst", max(everything), "s", at_most=3)


async def busy(platform: Platform, result: Result) -> None:
    """Roll everything under load, then drain everything under load."""
    gateway = platform.status()["gateway"]
    async with mixed_load(platform, gateway, users=_USERS) as load:
        await asyncio.sleep(_QUIET_S)
        quiet = taken(load)
        rolled = await ask(platform, "drain", "--restart", "--all")
        during = taken(load)
        lost = len(load.failures)
        drained = await ask(platform, "drain", "--all")
    slowest_s = max(load.seconds, default=0.0)
    result.add("requests during a roll of all services", len(during), "")
    result.add("failed during the roll", lost, "", at_most=0)
    result.add("duration of the roll", rolled["elapsed_ms"] / 1000, "s")
    result.add("request when quiet, P99", quantile(quiet, 0.99) * 1000, "ms")
    result.add("request during the roll, median", median(during) * 1000, "ms")
    result.add("request during the roll, P99", quantile(during, 0.99) * 1000, "ms")
    result.add("P99 during the roll / quiet", quantile(during, 0.99) / quantile(quiet, 0.99), "", at_most=3)
    result.add("busy platform", drained["elapsed_ms"] / 1000, "s", at_most=round(slowest_s + _LEAVE_S, 2))
    result.add("lost by the drain of the busy platform", drained["lost_requests"], "", at_most=0)


def taken(load: Load) -> list[float]:
    """Return the seconds that the requests since the last call took."""
    seconds, load.seconds = load.seconds, []
    return seconds


async def ask(platform: Platform, *arguments: str) -> Any:
    """Run a command while the load goes on; return its JSON."""
    return await asyncio.to_thread(platform.json, *arguments)
