"""The one drill that may run: begun, done again to what is started anew, undone at its end, however that comes."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from autional_cli.chaos.catalogue import DRILLS, Order
from autional_cli.errors import AutionalError
from autional_cli.supervisor.injection import injection, units_of
from autional_cli.supervisor.state import State

if TYPE_CHECKING:
    from autional_cli.supervisor.control import Channel
    from autional_cli.supervisor.injection import Injection
    from autional_cli.supervisor.journal import Journal
    from autional_cli.supervisor.platform import Platform
    from autional_cli.supervisor.state import Subscription

END_S = 15.0  # for a drill to be undone when the platform is stopped
LEAVING = (State.DRAINING, State.STOPPED, State.FAILED)


class Drills:
    """Runs drills one at a time. It ends with its time, with the client that asked, or with the platform."""

    def __init__(self, platform: Platform, journal: Journal) -> None:
        self._platform = platform
        self._journal = journal
        self._order: Order | None = None
        self._until = 0.0
        self._stop = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    async def chaos(self, request: dict[str, Any], channel: Channel) -> dict[str, Any]:
        """Run the drill that is asked for; send `began` and return when it is undone.

        With `check`, only say whether it could be done now.
        """
        order = Order.from_json(request)
        if self._order is not None:
            raise AutionalError(
                f"another drill is running: {self._order.title}, {max(0.0, self._until - time.monotonic()):.1f} s more",
                hint="wait for its end; two faults at once could not be told apart",
            )
        units = units_of(self._platform, order)
        if request.get("check"):
            return {"drill": order.to_json(), "units": units}
        self._order, self._until = order, time.monotonic() + order.for_s
        self._stop.clear()
        self._idle.clear()
        try:
            return await self._run(order, units, injection(self._platform, order), channel)
        finally:
            self._order = None
            self._idle.set()

    async def end(self) -> None:
        """Undo the drill that runs, if one does: the platform is about to stop."""
        self._stop.set()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), END_S)

    async def _run(self, order: Order, units: list[str], fault: Injection, channel: Channel) -> dict[str, Any]:
        began = time.time()
        self._journal.write(f"drill: {order.title}", units=units, for_s=order.for_s)
        try:
            await fault.begin(units, order.for_s)
            await channel.send({"event": "began", "at": began, "units": units})
            why = "instant" if DRILLS[order.drill].instant else await self._last(units, fault, channel)
        finally:
            await fault.end()
            ended = time.time()
            self._journal.write(f"drill over: {order.title}", ms=round((ended - began) * 1000))
        return {"drill": order.to_json(), "units": units, "began": began, "undone": ended, "ended_by": why}

    async def _last(self, units: list[str], fault: Injection, channel: Channel) -> str:
        """Return why the drill is over: `time`, `client`, `cancel`, or `platform`."""
        reasons = {
            asyncio.ensure_future(channel.gone.wait()): "client",
            asyncio.ensure_future(channel.cancelled.wait()): "cancel",
            asyncio.ensure_future(self._stop.wait()): "platform",
        }
        with self._platform.board.subscribe() as changes:
            following = asyncio.ensure_future(self._follow(changes, units, fault))
            waits = {*reasons, following}
            try:
                left = max(0.0, self._until - time.monotonic())
                done, _ = await asyncio.wait(waits, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for wait in waits:
                    wait.cancel()
        if following in done:
            following.result()
        return next(
            (reason for future, reason in reasons.items() if future in done), "time" if not done else "platform"
        )

    async def _follow(self, changes: Subscription, units: list[str], fault: Injection) -> None:
        """Do it again to what is started anew; return when somebody stops a unit, which must be able to hear that."""
        ready = {name: self._platform.board[name].pid for name in units}
        while True:
            unit = (await changes.next()).new
            if unit.name not in ready:
                continue
            if unit.state in LEAVING:
                return
            if unit.state is State.READY and unit.pid != ready[unit.name]:
                ready[unit.name] = unit.pid
                await fault.begin([unit.name], max(0.1, self._until - time.monotonic()))
