"""The life of one unit: wait for what it needs, bring it up, watch it, start it again after a crash, stop it."""

from __future__ import annotations

import asyncio
import math
import time
import traceback
from contextlib import suppress
from typing import TYPE_CHECKING

from autional_cli.drivers.base import Advising
from autional_cli.errors import AutionalError, ExitCode
from autional_cli.supervisor.attempt import Attempt, CrashError
from autional_cli.supervisor.backoff import Backoff
from autional_cli.supervisor.drained import Drained
from autional_cli.supervisor.priority import yield_for_good
from autional_cli.supervisor.state import RUNNING, State, Unit

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
        self._generation = 0  # 0 or 1; a successor has the other one while both run
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

    @property
    def generation(self) -> int:
        """Which of the two names its present process has, where a successor needs one of its own."""
        return self._generation

    @property
    def heard_at(self) -> float | None:
        """When its present process said last that it is alive (monotonic); None if it never did."""
        return self._attempt.heard_at if self._attempt else None

    def restore(self) -> None:
        """Have what it needs in the instance's folder again."""
        if self._attempt:
            self._attempt.restore()

    def output(self) -> tuple[str, ...]:
        """Return the last lines of its present process."""
        return self._attempt.output() if self._attempt else ()

    def start(self) -> None:
        """Begin its life; nothing happens when it lives already."""
        if self._task and not self._task.done():
            return
        self.failure = None
        self._backoff = Backoff()
        if self.state is not State.PENDING:
            self._board.move(self.name, State.PENDING, reason="", hint="", exit=None, output=(), status="", drain=None)
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
            if self.state in (State.STARTING, *RUNNING):
                self._board.move(self.name, State.DRAINING)
            if self.state is State.DRAINING:
                self._board.move(self.name, State.STOPPED)

    async def stop(self, patience_s: float = math.inf) -> Drained:
        """Stop it and whatever it was about to start; what it has in hand may take `patience_s` seconds.

        Returns how that went. Raises AutionalError when its process cannot be killed.
        """
        async with self._lock:
            if self.state in (State.STARTING, *RUNNING):
                self._board.move(self.name, State.DRAINING, status="")
            await self._let_be()
            attempt = self._attempt
            drained = await self._end(attempt, patience_s) if attempt else self._nothing()
            self._attempt = None
            if self.state is not State.STOPPED:
                self._board.move(self.name, State.STOPPED, pid=None, status="")
            return drained

    async def _let_be(self) -> None:
        task, self._task = self._task, None
        if task:
            task.cancel()
            await asyncio.wait({task})

    async def _end(self, attempt: Attempt, patience_s: float) -> Drained:
        began = time.monotonic()
        ran = attempt.handle is not None and not attempt.handle.exited.done()
        ended = await attempt.end(patience_s)
        if not ran:
            return self._nothing()
        return Drained(
            unit=self.name,
            service=self.definition.service or self.name,
            said=attempt.drain,
            ended=ended,
            killed=bool(attempt.handle and attempt.handle.killed),
            elapsed_ms=round((time.monotonic() - began) * 1000),
        )

    def _nothing(self) -> Drained:
        return Drained(unit=self.name, service=self.definition.service or self.name)

    async def roll(self, patience_s: float) -> Drained:
        """Start a successor, let it take over, then drain the present process: there is always one that serves.

        AutionalError (exit 6) when the successor does not become ready; then the present process serves on.
        """
        async with self._lock:
            old = self._attempt
            if self.state is not State.READY or old is None or old.listener is None:
                raise AutionalError(
                    f"{self.name} is {self.state} and cannot be rolled", hint=f"autional up {self.name}"
                )
            self._board.detail(self.name, status="a new process starts")
            new = Attempt(self.definition, self._platform, 1 - old.generation, old.listener)
            try:
                await new.bring_up()
                self._must_be_ready()
            except (AutionalError, CrashError) as failure:
                ended = await new.end()
                words = str(failure) or (ended.describe() if ended else "ended")
                self._board.detail(self.name, status="")
                raise self._not_rolled(words, new.output()) from None
            except BaseException:
                await new.end()
                raise
            await self._let_be()
            self._generation, self._attempt = new.generation, new
            self._board.detail(self.name, pid=new.handle.pid if new.handle else None, status="the old process drains")
            self._task = asyncio.create_task(self._live(new), name=f"unit {self.name}")
            drained = await self._end(old, patience_s)
            self._board.detail(self.name, status="serving", drain=None)
            return drained

    def _must_be_ready(self) -> None:
        if self.state is not State.READY:
            raise CrashError(f"had no process to take over from: that is {self.state}")

    def _not_rolled(self, words: str, output: tuple[str, ...]) -> AutionalError:
        lines = "".join(f"\n    {line}" for line in output[-8:])
        return AutionalError(
            f"{self.name} was not rolled, its old process serves on: the new one {words}{lines}",
            hint=f"autional logs {self.name}",
            exit_code=ExitCode.SERVICE_FAILED,
        )

    async def restart(self, patience_s: float = math.inf) -> Drained:
        """Replace its process by a new one, which starts when the present one has stopped."""
        drained = await self.stop(patience_s)
        self.start()
        return drained

    async def _live(self, running: Attempt | None = None) -> None:
        """Keep the unit running; `running` is a process that is ready already."""
        try:
            if running:
                await asyncio.sleep(await self._watch(running))
            needs = self.definition.needs
            attempt = await self._build_up()
            await self._board.until(lambda board: all(board[need].state is State.READY for need in needs))
            while True:
                delay = await self._run_once(attempt)
                attempt = None
                await asyncio.sleep(delay)
        except AutionalError as failure:
            await self._fail(failure)
        except OSError as failure:  # what the machine refused, such as a full disk, in its own words
            await self._fail(AutionalError(f"{self.name}: {failure}", exit_code=ExitCode.BACKEND_UNAVAILABLE))
        except Exception as failure:  # noqa: BLE001 - a mistake of ours must show as a failed unit, not as a silent task
            traceback.print_exception(failure)
            words = f"internal error: {type(failure).__name__}: {failure}"
            await self._fail(AutionalError(words, exit_code=ExitCode.SERVICE_FAILED))

    async def _build_up(self) -> Attempt | None:
        """Start its process while what it needs is not ready yet. None if that did not work: then it is tried anew."""
        self._attempt = Attempt(self.definition, self._platform, self._generation)
        try:
            await self._attempt.build_up()
        except CrashError:
            await self._attempt.end()
            self._attempt = None
        return self._attempt

    async def _run_once(self, prepared: Attempt | None) -> float:
        """Run it until it crashes; return how long to wait before the next time. AutionalError: there is none."""
        attempt = self._attempt = prepared or Attempt(self.definition, self._platform, self._generation)
        pid = attempt.handle.pid if attempt.handle else None
        self._board.move(self.name, State.STARTING, pid=pid, status="")
        try:
            await attempt.bring_up()
        except CrashError as crash:
            return await self._crashed(attempt, str(crash), None)
        self._board.move(self.name, State.READY)
        return await self._watch(attempt)

    async def _watch(self, attempt: Attempt) -> float:
        """Wait until a process that is ready ends; return how long to wait before the next one."""
        ready_at = time.monotonic()
        if attempt.handle is None:
            await asyncio.Event().wait()  # nothing runs: it stays ready until it is stopped
        else:
            if attempt.handle.spec.background:
                await yield_for_good(attempt.handle.pid)
            await asyncio.shield(attempt.handle.exited)
        return await self._crashed(attempt, "", time.monotonic() - ready_at)

    async def _crashed(self, attempt: Attempt, reason: str, ready_for: float | None) -> float:
        ended = await attempt.end()
        reason = reason or (ended.describe() if ended else "ended")
        delay = None if self.definition.task else self._backoff.crashed(now=time.monotonic(), ready_for=ready_for)
        if delay is None:
            times = "" if self.definition.task else f" ({self._backoff.limit} times without becoming ready)"
            self._board.detail(self.name, exit=ended)
            resource: object = self.definition.resource
            advice = resource.advice(attempt.output()) if isinstance(resource, Advising) else ""
            hint = advice or f"autional why {self.name}"
            raise AutionalError(f"{reason}{times}", hint=hint, exit_code=ExitCode.SERVICE_FAILED)
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
            with suppress(AutionalError):  # it failed already; what keeps it from ending as well is no better news
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
