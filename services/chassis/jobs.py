"""Background work that belongs to no request: a drain waits for it, and names what it had to cut off.

What must not be lost belongs into the outbox or a table; a job is for what may be begun again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from services.chassis.inflight import InFlight, Kind
from services.chassis.lifecycle import Patience, Ready, Stage
from services.chassis.logging import get_logger

log = get_logger(__name__)
_JOBS = frozenset({Kind.JOB})


class Jobs:
    """A server of the chassis, present in every service as `Application.jobs`."""

    name = "jobs"
    stage = Stage.JOBS

    def __init__(self, in_flight: InFlight, patience: Patience) -> None:
        self._in_flight = in_flight
        self._patience = patience
        self._tasks: set[asyncio.Task[None]] = set()
        self._over = asyncio.Event()

    def start(self, name: str, work: Coroutine[Any, Any, object]) -> asyncio.Task[None]:
        """Run `work` in the background; a failure is logged."""
        task = asyncio.create_task(self._run(name, work), name=f"job {name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _run(self, name: str, work: Coroutine[Any, Any, object]) -> None:
        with self._in_flight.working(Kind.JOB, name):
            try:
                await work
            except Exception as error:
                log.exception("job failed", job=name, error=repr(error))

    async def serve(self, ready: Ready) -> None:
        """Do nothing until `shutdown`: jobs run by themselves."""
        ready()
        await self._over.wait()

    async def shutdown(self) -> None:
        """Wait for the jobs. Raises `TimeoutError` if some had to be cut off."""
        await asyncio.sleep(0)  # a job that was started a moment ago counts itself in
        cut = await self._in_flight.finished(self._patience, _JOBS)
        self._over.set()
        if cut:
            raise TimeoutError(f"{cut} cut off at the deadline")
