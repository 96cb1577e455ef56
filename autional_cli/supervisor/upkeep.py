"""Background work of the supervisor: what fails is journaled, begun again after a pause, and shown until it works.

Everything that is to go on for as long as the platform runs is kept by this, so that nothing ends in silence.
"""

from __future__ import annotations

import asyncio
import time
import traceback
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from autional_cli.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from autional_cli.supervisor.journal import Journal

FIRST_S, MOST_S = 0.1, 5.0  # pauses before the next try
CALM_S = 1.0  # of work without a failure, after which it works again
CLOSE_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What fails at the moment, since when (Unix seconds) and how often."""

    work: str
    error: str
    since: float
    times: int


class Upkeep:
    """Keeps background work going; `troubles` are what fails at the moment."""

    def __init__(self, journal: Journal | None = None) -> None:
        self._journal = journal
        self._tasks: set[asyncio.Task[None]] = set()
        self._troubles: dict[str, Trouble] = {}

    def keep(self, name: str, work: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
        """Do `work` until cancelled; its end is a failure as well."""
        return self._add(self._keep(name, work), name)

    def once(self, name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Do `work` to its end; a failure is journaled, and shown until work of that name succeeds."""
        return self._add(self._once(name, work), name)

    def to_json(self) -> list[dict[str, Any]]:
        """Return what fails at the moment."""
        return [asdict(trouble) for trouble in self._troubles.values()]

    def end(self, task: asyncio.Task[None]) -> None:
        """Stop one of them."""
        self._troubles.pop(task.get_name(), None)
        task.cancel()

    async def close(self) -> None:
        """Stop all of them."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=CLOSE_S)

    def _add(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _keep(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        pause_s = 0.0
        while True:
            calm = asyncio.get_running_loop().call_later(CALM_S, self._works, name)
            began = time.monotonic()
            try:
                await work()
                self._fails(name, "it ended")
            except Exception as failure:  # noqa: BLE001 - whatever it is, the work must come back
                self._fails(name, failure)
            finally:
                calm.cancel()
            calm_again = time.monotonic() - began > MOST_S
            pause_s = FIRST_S if calm_again or not pause_s else min(pause_s * 2, MOST_S)
            await asyncio.sleep(pause_s)

    async def _once(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception as failure:  # noqa: BLE001 - nobody waits for it: it must be told here
            self._fails(name, failure)
        else:
            self._works(name)

    def _fails(self, name: str, failure: Exception | str) -> None:
        words = failure if isinstance(failure, str) else f"{type(failure).__name__}: {failure}"
        known = self._troubles.get(name)
        since, times = (known.since, known.times + 1) if known else (round(time.time(), 3), 1)
        trouble = Trouble(work=name, error=redact(words), since=since, times=times)
        self._troubles[name] = trouble
        if known and known.error == trouble.error:
            return  # it is shown; the same line every few seconds would bury the rest
        if isinstance(failure, Exception) and not isinstance(failure, OSError):
            traceback.print_exception(failure)
        if self._journal:
            self._journal.write(f"{name} failed and is begun again", level="error", reason=trouble.error)

    def _works(self, name: str) -> None:
        if self._troubles.pop(name, None) and self._journal:
            self._journal.write(f"{name} works again")
