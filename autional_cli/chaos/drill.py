"""A drill under load: quiet, fault, recovery, account."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from autional_cli.chaos.asking import ask
from autional_cli.chaos.catalogue import DRILLS
from autional_cli.load.availability import by_capability, recovery_s
from autional_cli.load.crowd import load
from autional_cli.load.ledger import Ledger
from autional_cli.load.settling import settle

if TYPE_CHECKING:
    from collections.abc import Callable

    from autional_cli.chaos.catalogue import Order
    from autional_cli.load.account import Account
    from autional_cli.load.crowd import Crowd, Shape, Target
    from autional_cli.load.records import Records

QUIET_S = 3.0  # of load before the fault
WATCH_S = 3.0  # what counts as "during" for a fault that is over at once, such as a kill
PATIENCE_S = 2.0  # for a step under way, before its user counts as kept waiting
LOOK_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Seconds: load before the fault, how long recovery may take after it, how long messages may take to arrive."""

    before_s: float = QUIET_S
    recover_s: float = 20.0
    settle_s: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a drill showed. Moments are Unix seconds: load began, fault began, fault undone, watched until."""

    order: Order
    units: tuple[str, ...]
    ended_by: str
    loaded: float
    began: float
    undone: float
    watched_until: float
    ended: float
    records: Records
    account: Account

    @property
    def recovered(self) -> bool:
        """Whether every capability that was tried is well again."""
        runs = by_capability(self.records.steps).values()
        return all(recovery_s(each, self.began, self.undone, self.ended) is not None for each in runs)


async def drill(target: Target, order: Order, shape: Shape, timing: Timing, say: Callable[[str], None]) -> Finding:
    """Do the drill of `order` under load and return what it showed; `say` hears of each phase.

    Raises AutionalError for what there is not, for a platform that is not well before, and for one that was stopped.
    """
    ledger = await Ledger.open(target.instance, target.services)
    try:
        if shape.users:
            say(f"{shape.users} users sign in")
        async with load(target, shape) as crowd:
            loaded = time.time()
            if shape.users:
                say(
                    f"load: {shape.rate:g} steps/s of {len(crowd.residents)} users, {shape.newcomers} on whole journeys"
                )
            await asyncio.sleep(timing.before_s)
            done = await ask(target.instance, order, lambda told: say(f"{order.title}: {', '.join(told['units'])}"))
            say(f"undone after {done['undone'] - done['began']:.1f} s; waiting for recovery")
            instant = DRILLS[order.drill].instant
            undone = done["began"] if instant else done["undone"]
            watched = undone + WATCH_S if instant else undone
            await _recovered(crowd, done["began"], undone, watched, timing.recover_s)
        ended = time.time()
        say("the load has ended; counting messages")
        account = await settle(ledger, crowd.records.steps, deadline_s=timing.settle_s)
    finally:
        await ledger.close()
    return Finding(
        order=order,
        units=tuple(done["units"]),
        ended_by=done["ended_by"],
        loaded=loaded,
        began=done["began"],
        undone=undone,
        watched_until=watched,
        ended=ended,
        records=crowd.records,
        account=account,
    )


async def _recovered(crowd: Crowd, began: float, undone: float, watched: float, limit_s: float) -> None:
    """Return when everything has been well for a while, or at the limit; the report says which it was."""
    ends = time.time() + limit_s
    while time.time() < ends:
        now = time.time()
        if now >= max(watched, undone) + PATIENCE_S and _is_well(crowd.records, began, undone, now):
            return
        await asyncio.sleep(LOOK_S)


def _is_well(records: Records, began: float, undone: float, now: float) -> bool:
    if any(since < now - PATIENCE_S for since in records.under_way.values()):
        return False  # somebody waits longer than anybody should
    return all(recovery_s(runs, began, undone, now) is not None for runs in by_capability(records.steps).values())


def moments(finding: Finding) -> dict[str, Any]:
    """Return when what happened, for a report."""
    return {"began": finding.began, "undone": finding.undone, "ended_by": finding.ended_by}
