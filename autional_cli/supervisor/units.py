"""The life of one unit: wait for what it needs, bring it up, watch it, start it again after a crash, stop it."""

from __future__ import annotations

import asyncio
import time
import traceback
from typing import TYPE_CHECKING

from autional_cli.errors import AutionalError, ExitCode
from autional_cli.supervisor.attempt import Attempt, CrashError
from autional_cli.supervisor.backoff import Backoff
from autional_cli.supervisor.process import lower_priority
from autional_cli.supervisor.state import State, Unit

if TYPE_CHECKING:
    from autional_cli.plan import UnitDef
    from autional_cli.supervisor.platform import Platform


class Runner:
    """Drives one unit of the platform and reports to its board."""

    def __init__(self, definition: UnitDef, platform: Platform) -> None:
        self.definition = definition
        self.failure: AutionalError | None = None
        self._platform = platform
        self._board = platform.board
        self._backoff = Backoff()
        self._task: asyncio.Task[None] | None = None
        self._attempt: Attempt | None = None
        self._lock = asyncio.Lock()
        self._board.add(
            Unit(
                name=definition.name,
                kind=definition.kind,
                service=definition.service or definition.name,
                needs=definition.needs,
                calls=definition.calls,
            )
        )

    @property
    def name(self) -> str:
        """The unit's name."""
        return self.definition.name

    @property
    def state(self) -> State:
        """Where it stands."""
        return self._board[self.name].state

    def start(self) -> None:
        """Begin its life; nothing happens when it lives already."""
        if self._task and not self._task.done():
            return
        self.failure = None
        self._backoff = Backoff()
        if self.state is not State.PENDING:
            self._board.move(self.name, State.PENDING, reason="", hint="", exit=None, output=(), status="")
        self._task = asyncio.create_task(self._live(), name=f"unit {self.name}")

    def is_outdated_by(self, definition: UnitDef) -> bool:
        """Whether the task it did is not the task it is defined as now."""
        return self.definition.task is not None and self.definition.process != definition.process

    def redefine(self, definition: UnitDef) -> None:
        """Take another definition, used from the next start on. A task that was done is to be done again."""
        self.definition = definition
        self._board.detail(self.name, needs=definition.needs, calls=definition.calls)
        if definition.task and self._task:
            self._task.cancel()
            self._task = None
            if self.state in (State.STARTING, State.READY):
                self._board.move(self.name, State.DRAINING)
            if self.state is State.DRAINING:
                self._board.move(self.name, State.STOPPED)

    async def stop(self) -> None:
        """Stop it and whatever it was about to start. Raises AutionalError when its process cannot be killed."""
        async with self._lock:
            if self.state in (State.STARTING, State.READY):
                self._board.move(self.name, State.DRAINING, status="")
            task, self._task = self._task, None
            if task:
                task.cancel()
                await asyncio.wait({task})
            if self._attempt:
                await self._attempt.end()
                self._attempt = None
            if self.state is not State.STOPPED:
                self._board.move(self.name, State.STOPPED, pid=None, status="")

    async def restart(self) -> None:
        """Replace its process by a new one."""
        await self.stop()
        self.start()

    async def _live(self) -> None:
        try:
            needs = self.definition.needs
            await self._board.until(lambda board: all(board[need].state is State.READY for need in needs))
            while True:
                delay = await self._run_once()
                await asyncio.sleep(delay)
        except AutionalError as failure:
            await self._fail(failure)
        except OSError as failure:  # what the machine refused, such as a full disk, in its own words
            await self._fail(AutionalError(f"{self.name}: {failure}", exit_code=ExitCode.BACKEND_UNAVAILABLE))
        except Exception as failure:  # noqa: BLE001 - a mistake of ours must show as a failed unit, not as a silent task
            traceback.print_exception(failure)
            words = f"internal error: {type(failure).__name__}: {failure}"
            await self._fail(AutionalError(words, exit_code=ExitCode.SERVICE_FAILED))

    async def _run_once(self) -> float:
        """Run it until it crashes; return how long to wait before the next time. AutionalError: there is none."""
        self._board.move(self.name, State.STARTING, pid=None, status="")
        attempt = self._attempt = Attempt(self.definition, self._platform)
        ready_at: float | None = None
        try:
            await attempt.bring_up()
            ready_at = time.monotonic()
            self._board.move(self.name, State.READY)
            if attempt.handle and attempt.handle.spec.background:
                lower_priority(attempt.handle.pid)
            if attempt.handle is None:
                await asyncio.Event().wait()  # nothing runs: it stays ready until it is stopped
            else:
                await asyncio.shield(attempt.handle.exited)
            reason = ""
        except CrashError as crash:
            reason = str(crash)
        ready_for = None if ready_at is None else time.monotonic() - ready_at
        return await self._crashed(attempt, reason, ready_for)

    async def _crashed(self, attempt: Attempt, reason: str, ready_for: float | None) -> float:
        ended = await attempt.end()
        reason = reason or (ended.describe() if ended else "ended")
        delay = None if self.definition.task else self._backoff.crashed(now=time.monotonic(), ready_for=ready_for)
        if delay is None:
            times = "" if self.definition.task else f" ({self._backoff.limit} times without becoming ready)"
            self._board.detail(self.name, exit=ended)
            raise AutionalError(f"{reason}{times}", hint=f"autional why {self.name}", exit_code=ExitCode.SERVICE_FAILED)
        self._board.move(
            self.name,
            State.STARTING,
            pid=None,
            reason=reason,
            exit=ended,
            output=attempt.output(),
            restarts=self._board[self.name].restarts + 1,
            status=f"starts again in {delay:.1f} s",
        )
        return delay

    async def _fail(self, failure: AutionalError) -> None:
        self.failure = failure
        output: tuple[str, ...] = ()
        if self._attempt:
            output = self._attempt.output()
            await self._attempt.end()
        self._board.move(
            self.name,
            State.FAILED,
            pid=None,
            status="",
            reason=failure.message,
            hint=failure.hint or "",
            output=output,
        )
