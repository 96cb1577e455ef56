"""How a service stops: in a fixed order, every step timed, a failing step never in the way of the next.

1. readiness  `/readyz` answers 503, liveness stays 200; the service leaves the registry
2. lame-duck  it keeps serving for a short time with `Connection: close`, because callers learn of 1 with a delay
3. intake     consumers take nothing new, finish and acknowledge the batch in hand
   listeners  at the same time: sockets close, streams end, requests in flight finish
   jobs       then background work that those began; what is not done at the deadline is cut off and named
4. outbox     a last pass, so that what the last requests committed leaves too
5. cleanups   in reverse order of registration, each with its own time limit
6. telemetry  what is buffered is sent

A second signal means hurry: nothing is waited for any more, but the remaining steps are taken.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from services.chassis.lifecycle import Cleanup, Server, Stage, end
from services.chassis.logging import get_logger
from services.chassis.notify import notify, report_drain

if TYPE_CHECKING:
    from services.chassis.app import Application
    from services.chassis.tracing import Tracing

log = get_logger(__name__)

_SPREAD_S = 0.05  # for callers that follow the registry to hear of the leaving
_LOOK_S = 0.01
_LEAVE_S = 5.0  # for the bus to take the leaving
_PASS_S = 5.0  # for a last pass of the outbox
_FLUSH_S = 2.0


@runtime_checkable
class Unfinished(Protocol):
    """A consumer that can say what it leaves behind."""

    async def give_back(self) -> int:
        """Leave what was not finished to the next process; return how many messages that are."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a drain and how it went."""

    name: str
    ms: float
    ok: bool
    detail: str = ""


class Drain:
    """The stop of one application."""

    def __init__(self, app: Application, tracing: Tracing) -> None:
        self._app = app
        self._tracing = tracing
        self._tasks: dict[Server, asyncio.Task[None]] = {}
        self._unacked = 0
        self._current: tuple[str, float] = ("", 0.0)
        self.steps: list[Step] = []

    async def run(self, tasks: Sequence[asyncio.Task[None]], *, served: bool = True) -> None:
        """Go through all steps and report them; never raises. Who never served has no caller to wait for."""
        app = self._app
        self._tasks = dict(zip(app.all_servers(), tasks, strict=False))
        app.patience.begin()
        app.in_flight.begin()
        notify(STOPPING="1", STATUS="draining")
        self._tell()
        await self._step("readiness", self._leave, _LEAVE_S)
        if served:
            await self._step("lame-duck", self._lame_duck)
        await asyncio.gather(self._step("intake", self._intake), self._step("listeners", self._listeners))
        await self._step("jobs", lambda: self._shut_down(Stage.JOBS))
        await self._step("outbox", lambda: self._shut_down(Stage.RELAY), _PASS_S)
        await asyncio.gather(*(end(task) for task in tasks))
        for cleanup in app.cleanups():
            await self._step(f"cleanup:{cleanup.name}", lambda cleanup=cleanup: _close(cleanup), cleanup.timeout_s)  # type: ignore[misc]
        await self._step("telemetry", self._flush, 2 * _FLUSH_S)
        log.info("drained", **self.report())
        self._tell(final=True)

    def report(self, *, forced: bool = False) -> dict[str, Any]:
        """Return the report as it stands; `forced` ends it in the middle of a step. Any thread may ask for it."""
        steps = self.steps
        name, began = self._current
        if forced:
            steps = [*steps, Step(name, _ms(began), ok=False, detail="forced exit")]
        found = self._app.in_flight.report()
        if forced:
            left = found.pop("in_hand")
            found["aborted"] += found["in_flight"] - found["completed"] - found["aborted"]
            found["lost"] += left
        return {
            "pid": os.getpid(),
            **found,
            "unacked": self._unacked,
            "ok": all(step.ok for step in steps),
            "steps": [asdict(step) for step in steps],
        }

    def _tell(self, *, final: bool = False) -> None:
        name = self._current[0]
        status = "drained" if final else f"draining: {name}" if name else "draining"
        report_drain(self.report(), status=status, final=final)

    async def _leave(self) -> None:
        self._app.health.draining = True
        self._app.rpc_health.drain()
        await self._app.registration.stop()

    async def _lame_duck(self) -> None:
        """Serve on; where callers follow the registry alone, only until the last of them has gone elsewhere."""
        settings = self._app.settings
        if not settings.lame_duck_s:
            return
        pause = self._gone_elsewhere() if settings.lame_duck_early else asyncio.sleep(settings.lame_duck_s)
        await self._app.patience.wait_for(pause, settings.lame_duck_s)

    async def _gone_elsewhere(self) -> None:
        await asyncio.sleep(_SPREAD_S)
        while self._app.connections():  # noqa: ASYNC110 - nobody tells when a connection has closed
            await asyncio.sleep(_LOOK_S)

    async def _intake(self) -> None:
        """Let consumers finish what is in hand; what is not finished in time stays on the bus for the next process."""
        late = []
        for server, in_time in await self._stop_side_by_side(Stage.INTAKE):
            if not in_time:
                late.append(server.name)
                await end(self._tasks[server])
            if isinstance(server, Unfinished):
                self._unacked += await server.give_back()
        if late:
            raise TimeoutError(f"{', '.join(late)}: not finished in time; delivered again to the next process")

    async def _listeners(self) -> None:
        before = len(self._app.in_flight.aborted)
        late = [server.name for server, in_time in await self._stop_side_by_side(Stage.LISTENER) if not in_time]
        cut = len(self._app.in_flight.aborted) - before
        if cut or late:
            raise TimeoutError(f"{cut} cut off at the deadline" + (f"; not closed: {', '.join(late)}" if late else ""))

    async def _stop_side_by_side(self, stage: Stage) -> list[tuple[Server, bool]]:
        """Shut down all servers of `stage`; return which were done within the patience there is.

        A listener watches the deadline itself, to cut its requests off; it is given a moment more for that.
        """
        servers = self._app.servers(stage)
        patience = self._app.patience
        if stage is Stage.INTAKE:
            done = await asyncio.gather(*(patience.wait_for(server.shutdown()) for server in servers))
            return list(zip(servers, done, strict=True))
        results = await asyncio.gather(*(server.shutdown() for server in servers), return_exceptions=True)
        _raise_first(results)
        return [(server, True) for server in servers]

    async def _shut_down(self, stage: Stage) -> None:
        results = await asyncio.gather(
            *(server.shutdown() for server in self._app.servers(stage)), return_exceptions=True
        )
        _raise_first(results)

    async def _flush(self) -> None:
        await asyncio.to_thread(self._tracing.flush, _FLUSH_S)
        await asyncio.to_thread(self._tracing.close)
        if self._tracing.dropped:
            log.warning("spans were dropped", count=self._tracing.dropped)

    async def _step(self, name: str, action: Callable[[], Awaitable[object]], timeout_s: float | None = None) -> None:
        began = time.perf_counter()
        self._current = (name, began)
        limit_s = timeout_s or self._app.settings.shutdown_timeout_s * 0.8
        detail = ""
        try:
            async with asyncio.timeout(limit_s) as timer:
                await action()
        except TimeoutError as error:
            detail = f"not finished after {limit_s:g} s" if timer.expired() else str(error)
        except Exception as error:  # noqa: BLE001 - one failing step must not skip the rest
            detail = repr(error)
        self.steps.append(Step(name, _ms(began), not detail, detail))
        if detail:
            log.error("drain step failed", step=name, detail=detail)
        self._tell()


def _ms(began: float) -> float:
    return round((time.perf_counter() - began) * 1000, 1)


def _raise_first(results: Sequence[object]) -> None:
    for result in results:
        if isinstance(result, BaseException):
            raise result


async def _close(cleanup: Cleanup) -> None:
    result = cleanup.close()
    if inspect.isawaitable(result):
        await result
