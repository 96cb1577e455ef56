"""The operations of the control socket: each takes a request and a channel, and returns the result."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

from autional_cli.errors import AutionalError, ExitCode
from autional_cli.supervisor.control import LastError
from autional_cli.supervisor.request import Request
from autional_cli.supervisor.state import State
from autional_cli.supervisor.why import explanation

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from autional_cli.supervisor.control import Channel, Operation
    from autional_cli.supervisor.daemon import Supervisor

WAIT_S = 60.0
STOP_S = 60.0
DRAIN_S = 30.0


class Operations:
    """What a client can ask for. `helpers` tells the process ids of zygote and guardian at the moment."""

    def __init__(self, supervisor: Supervisor, helpers: Callable[[], dict[str, int | None]]) -> None:
        self._supervisor = supervisor
        self._helpers = helpers
        self._ever_up = False

    def table(self) -> Mapping[str, Operation]:
        """Return the operations by name."""
        named = (
            *(self.status, self.follow, self.up, self.down, self.drain, self.scale),
            *(self.restart, self.wait, self.why, self._supervisor.drills.chaos),
        )
        return {operation.__name__: operation for operation in named}

    async def status(self, _: dict[str, Any], __: Channel) -> dict[str, Any]:
        """The platform, and the supervisor's own processes."""
        helpers = {"supervisor": os.getpid(), **self._helpers()}
        return {**self._supervisor.status(), "pids": helpers}

    async def follow(self, _: dict[str, Any], channel: Channel) -> dict[str, Any]:
        """Send every unit as it is, then every change, until the client leaves or the platform has ended."""
        ends = {asyncio.ensure_future(channel.gone.wait()), asyncio.ensure_future(self._supervisor.over.wait())}
        await self._stream(channel, asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED))
        for end in ends:
            end.cancel()
        return {}

    async def up(self, request: dict[str, Any], channel: Channel) -> dict[str, Any]:
        """Start what is asked for and, unless `wait` is false, stay until it is ready, sending the changes."""
        supervisor = self._supervisor
        first, self._ever_up = not self._ever_up, True
        touched: list[str] = []
        work = asyncio.ensure_future(self._bring_up(request, touched))
        cancelled = asyncio.ensure_future(channel.cancelled.wait())
        try:
            await self._stream(channel, asyncio.wait({work, cancelled}, return_when=asyncio.FIRST_COMPLETED))
            if work.done():
                return work.result()
        except AutionalError as failure:
            if first and self._leaves_nothing(failure):
                await supervisor.shut_down(timeout_s=STOP_S)
                raise LastError(failure.message, hint=failure.hint, exit_code=failure.exit_code) from None
            raise
        finally:
            cancelled.cancel()
        work.cancel()
        await asyncio.wait({work})
        message = "interrupted: what this `up` had started is stopped"
        if first:
            await supervisor.shut_down(timeout_s=STOP_S)
            raise LastError(message, exit_code=ExitCode.INTERRUPTED)
        await supervisor.stop_units(touched)
        raise AutionalError(message, exit_code=ExitCode.INTERRUPTED)

    async def _bring_up(self, request: dict[str, Any], touched: list[str]) -> dict[str, Any]:
        supervisor = self._supervisor
        try:
            touched += await supervisor.converge(Request.from_json(request), request.get("began"))
        except OSError as failure:  # a full disk, a directory of somebody else
            raise AutionalError(str(failure), hint="autional doctor", exit_code=ExitCode.BACKEND_UNAVAILABLE) from None
        if request.get("wait", True):
            board = supervisor.platform.board  # what was drained and is not asked for stays stopped
            names = [unit.name for unit in board if unit.state is not State.STOPPED]
            await supervisor.settle(names, float(request.get("timeout") or WAIT_S))
        supervisor.must_be_whole()
        return {**supervisor.status(), "started": touched}

    def _leaves_nothing(self, failure: AutionalError) -> bool:
        """Whether a first start that failed like this is undone. A failed service stays, to be looked at and edited.

        So does the rest when somebody drained a service that this start waited for.
        """
        units = [unit for unit in self._supervisor.platform.board if unit.state is State.FAILED]
        late = failure.exit_code is ExitCode.WAIT_TIMED_OUT
        drained = failure.exit_code is ExitCode.SERVICE_FAILED and not units
        return not late and not drained and all(unit.kind == "resource" for unit in units)

    async def down(self, request: dict[str, Any], channel: Channel) -> dict[str, Any]:
        """Stop everything and end; with `volumes`, remove the data as well."""
        timeout_s = float(request.get("timeout") or STOP_S)
        volumes = bool(request.get("volumes"))
        work = asyncio.ensure_future(self._supervisor.shut_down(timeout_s=timeout_s, volumes=volumes))
        await self._stream(channel, asyncio.wait({work}))
        return work.result()

    async def restart(self, request: dict[str, Any], channel: Channel) -> dict[str, Any]:
        """Replace services by new processes and stay until they are ready."""

        timeout_s = float(request.get("timeout") or WAIT_S)

        async def work() -> dict[str, Any]:
            names, report = await self._supervisor.restart(list(request.get("services") or []), timeout_s)
            await self._supervisor.settle(names, timeout_s)
            self._supervisor.must_be_whole()
            return report

        report = await self._stream(channel, work())
        return {**self._supervisor.status(), "drain": report}

    async def drain(self, request: dict[str, Any], channel: Channel) -> dict[str, Any]:
        """Drain services, or roll them with `restart`; the report. No time at all means: cut off what is in hand.

        With `check`, nothing is drained: only what would be, or the error for what there is not.
        """
        names, timeout_s = list(request.get("services") or []), float(request.get("timeout", DRAIN_S))
        if request.get("check"):
            return {"units": self._supervisor.services_of(names)}
        work = self._supervisor.drain(names, timeout_s, restart=bool(request.get("restart")))
        report: dict[str, Any] = await self._stream(channel, work)
        return report

    async def scale(self, request: dict[str, Any], channel: Channel) -> dict[str, Any]:
        """Run so many replicas of services."""
        wanted, timeout_s = dict(request.get("replicas") or {}), float(request.get("timeout") or WAIT_S)
        report = await self._stream(channel, self._supervisor.scale(wanted, timeout_s))
        return {**self._supervisor.status(), "drain": report}

    async def wait(self, request: dict[str, Any], channel: Channel) -> dict[str, Any]:
        """Stay until services are in a state."""
        state = State(request.get("for") or "ready")
        names = self._supervisor.names_of(list(request.get("services") or []))
        await self._stream(channel, self._supervisor.settle(names, float(request.get("timeout") or WAIT_S), state))
        if state is State.READY:
            self._supervisor.must_be_whole()
        return self._supervisor.status()

    async def why(self, request: dict[str, Any], _: Channel) -> dict[str, Any]:
        """Explain the state of a service."""
        name = self._supervisor.names_of([str(request.get("service") or "")])[0]
        platform = self._supervisor.platform
        runners = platform.runners
        found = explanation(platform.board, runners[name].definition, lambda subject: runners[subject].output())
        return found | {"troubles": self._supervisor.troubles()}

    async def _stream(self, channel: Channel, work: Awaitable[Any]) -> Any:
        """Send every unit, then the changes of the board while `work` runs; return what it returns."""
        board = self._supervisor.platform.board
        task = asyncio.ensure_future(work)
        with board.subscribe() as changes:
            for unit in board:
                await channel.send({"event": "unit", "at": unit.since, "from": None, "unit": unit.to_json()})
            upcoming = asyncio.ensure_future(changes.next())
            while not task.done():
                await asyncio.wait({task, upcoming}, return_when=asyncio.FIRST_COMPLETED)
                while upcoming.done():
                    await channel.send(upcoming.result().to_json())
                    upcoming = asyncio.ensure_future(changes.next())
                    await asyncio.sleep(0)
            upcoming.cancel()
        return await task
