"""`kill -9` of each service in turn, under load: which capabilities suffer, how much, and for how long."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from functools import partial
from typing import TYPE_CHECKING

from autional_cli.instance import Instance
from autional_cli.load.availability import Window, by_capability, phases, recovery_s
from autional_cli.load.crowd import Shape, Target
from autional_cli.load.proof import Proof, prove
from autional_cli.load.stopped import needed
from autional_cli.workspace.discover import discover
from tests.bench.report import Result
from tests.platform.running import ROOT, Platform

if TYPE_CHECKING:
    from collections.abc import Sequence

    from autional_cli.load.crowd import Crowd
    from services.chassis.spec import ServiceSpec

WATCH_S = 3.0  # after the kill: what the table shows
QUIET_S = 2.0
BACK_S = 3.0  # more, to see it come back before the next
UNTOUCHED = 0.99
SHAPE = Shape(users=18, rate=30, newcomers=0)


def measure() -> Result:
    """Kill every service once, one after the other under the same load; a figure is a share of good steps."""
    result = Result(name=f"fault isolation: kill -9 under {SHAPE.rate:g} steps/s of {SHAPE.users} users")
    platform = Platform(instance="bench-isolation")
    try:
        status = platform.up()
        target = Target.of(Instance.open(platform.root, platform.instance), status)
        proof = asyncio.run(prove(target, SHAPE, partial(kill_all, platform, target.services), before_s=QUIET_S))
    finally:
        platform.down()
    specs = dict(discover(ROOT))
    strangers = sum(add_rows(result, killed, at, proof, specs) for killed, at in proof.result.items())
    result.add("capabilities that suffered without depending on what was killed", strangers, "", at_most=0)
    wrong = len(proof.account.lost) + len(proof.account.doubled)
    result.add(f"messages lost or doubled, of {proof.account.due}", wrong, "", at_most=0)
    return result


async def kill_all(platform: Platform, services: Sequence[str], _crowd: Crowd) -> dict[str, float]:
    """Kill each service in turn, with time to come back, and return the moments of the kills in Unix seconds."""
    killed = {}
    for name in services:
        pid = await asyncio.to_thread(platform.pid, name)
        killed[name] = time.time()
        os.kill(pid, signal.SIGKILL)
        await asyncio.sleep(WATCH_S + BACK_S)
    return killed


def depends(capability: str, killed: str, specs: dict[str, ServiceSpec]) -> bool:
    """Return whether a capability may honestly suffer from `killed`: its own service, or one that is called for it."""
    return killed in needed(capability.partition(".")[0], specs)


def add_rows(
    result: Result, killed: str, at: float, proof: Proof[dict[str, float]], specs: dict[str, ServiceSpec]
) -> int:
    """Add the figures of one kill; return how many capabilities suffered that should not have."""
    strangers = 0
    until = at + WATCH_S + BACK_S
    for capability, every in by_capability(proof.records.steps).items():
        runs = [run for run in every if run.ended < until]
        _, during, _ = phases([run for run in runs if run.at > at - QUIET_S], at, at + WATCH_S)
        suffered = during.success is not None and during.success < UNTOUCHED
        mine = depends(capability, killed, specs)
        strangers += suffered and not mine
        name = label(killed, capability, during, recovery_s(runs, at, at, until), mine)
        result.add(name, during.success or 0.0, "share")
    return strangers


def label(killed: str, capability: str, during: Window, back: float | None, mine: bool) -> str:
    """Return the name of a figure: what was killed, whose capability, whether it depends on it, when it was back."""
    hurt = during.success is not None and during.success < UNTOUCHED
    when = "" if not hurt else " not back" if back is None else f" back ≤ {back:.1f} s"
    return f"{killed:<13} {'*' if mine else ' '} {capability:<22}{during.steps:>4} steps{when}"
