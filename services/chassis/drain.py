"""How a service stops: in a fixed order, every step timed, a failing step never in the way of the next.

1. readiness  `/readyz` answers 503, liveness stays 200; the service leaves the registry
2. lame-duck  it keeps serving for a short time with `Connection: close`, because callers learn of 1 with a delay
3. intake     consumers take nothing new, finish and acknowledge the batch in hand
4. listeners  sockets close; requests in flight finish, then are cancelled at the deadline
5. outbox     a last pass, so that what the last requests committed leaves too
6. cleanups   in reverse order of registration, each with its own time limit
7. telemetry  what is buffered is sent
"""

from __future__ import annotations

import asyncio
import faulthandler
import inspect
import os
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self

import orjson

from services.chassis.lifecycle import Cleanup, Stage, end
from services.chassis.logging import get_logger
from services.chassis.notify import notify

if TYPE_CHECKING:
    from services.chassis.app import Application
    from services.chassis.tracing import Tracing

log = get_logger(__name__)

FORCED_EXIT = 75  # EX_TEMPFAIL: told apart from a crash and from a clean end


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a drain and how it went."""

    name: str
    ms: float
    ok: bool
    detail: str = ""


class Watchdog:
    """Ends the process if the drain does not: a thread, because a blocked event loop runs no timer.

    The thread is there from the start and `arm` only writes to a pipe, which a signal handler may do at any point; a
    loop that was blocked before the signal came is caught as well.
    """

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._done = threading.Event()
        self._listen, self._signal = os.pipe()

    def __enter__(self) -> Self:
        threading.Thread(target=self._watch, name="drain-watchdog", daemon=True).start()
        return self

    def arm(self) -> None:
        """Begin to count, however often it is called."""
        os.write(self._signal, b"!")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self.arm()

    def _watch(self) -> None:
        os.read(self._listen, 1)
        if not self._done.wait(self._limit_s):
            sys.stderr.write(f"drain not finished after {self._limit_s:.0f} s; forced exit\n")
            faulthandler.dump_traceback(file=sys.stderr)
            sys.stderr.flush()
            os._exit(FORCED_EXIT)


class Drain:
    """The stop of one application."""

    def __init__(self, app: Application, tracing: Tracing) -> None:
        self._app = app
        self._tracing = tracing
        self.steps: list[Step] = []

    async def run(self, tasks: Sequence[asyncio.Task[None]], *, served: bool = True) -> None:
        """Go through all steps and report them; never raises. Who never served has no caller to wait for."""
        app = self._app
        notify(STOPPING="1", STATUS="draining")
        await self._step("readiness", self._leave)
        if served:
            await self._step("lame-duck", lambda: asyncio.sleep(app.settings.lame_duck_s))
        for name, stage in (("intake", Stage.INTAKE), ("listeners", Stage.LISTENER), ("outbox", Stage.RELAY)):
            await self._step(name, lambda stage=stage: self._shut_down(stage))  # type: ignore[misc]
        await asyncio.gather(*(end(task) for task in tasks))
        for cleanup in app.cleanups():
            await self._step(f"cleanup:{cleanup.name}", lambda cleanup=cleanup: _close(cleanup), cleanup.timeout_s)  # type: ignore[misc]
        await self._step("telemetry", self._flush)
        self._report()

    async def _leave(self) -> None:
        self._app.health.draining = True
        self._app.rpc_health.drain()
        self._app.in_flight.lame_duck = True
        await self._app.registration.stop()

    async def _shut_down(self, stage: Stage) -> None:
        results = await asyncio.gather(
            *(server.shutdown() for server in self._app.servers(stage)), return_exceptions=True
        )
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def _flush(self) -> None:
        await asyncio.to_thread(self._tracing.flush, 2.0)
        await asyncio.to_thread(self._tracing.close)
        if self._tracing.dropped:
            log.warning("spans were dropped", count=self._tracing.dropped)

    async def _step(self, name: str, action: Callable[[], Awaitable[object]], timeout_s: float | None = None) -> None:
        started = time.perf_counter()
        limit_s = timeout_s or self._app.settings.shutdown_timeout_s * 0.8
        detail = ""
        try:
            async with asyncio.timeout(limit_s):
                await action()
        except TimeoutError:
            detail = f"not finished after {limit_s:g} s"
        except Exception as error:  # noqa: BLE001 - one failing step must not skip the rest
            detail = repr(error)
        step = Step(name, round((time.perf_counter() - started) * 1000, 1), not detail, detail)
        self.steps.append(step)
        if detail:
            log.error("drain step failed", step=name, detail=detail)

    def _report(self) -> None:
        steps = [asdict(step) for step in self.steps]
        log.info("drained", steps=steps, ok=all(step.ok for step in self.steps))
        notify(STATUS="drained", X_AUTIONAL_DRAIN=orjson.dumps(steps).decode())


async def _close(cleanup: Cleanup) -> None:
    result = cleanup.close()
    if inspect.isawaitable(result):
        await result
