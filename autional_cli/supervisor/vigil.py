"""The state after READY: whether what runs gives a sign of life, and whether its disk can be written (ADR 29).

A process that speaks the notify protocol says WATCHDOG=1 in time (sd_notify(3)); a server is asked in its own protocol;
one that is stopped by a signal or a debugger is seen at once where the system tells. Nothing is killed for it.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from autional_cli import disk
from autional_cli.drivers.base import WATCHDOG_S
from autional_cli.errors import AutionalError
from autional_cli.resources import probe
from autional_cli.supervisor.process import is_suspended
from autional_cli.supervisor.state import RUNNING, State

if TYPE_CHECKING:
    from autional_cli.disk import Disk
    from autional_cli.instance import Instance
    from autional_cli.supervisor.platform import Platform
    from autional_cli.supervisor.units import Runner

LOOK_S = 1.0
SLEPT_S = 3.0  # a look that comes so late was delayed by a sleep: everybody else slept as well
ASK_EVERY_S, ANSWER_S = 5.0, 4.0
DISKS_EVERY_S = 5.0
KEEPS_NOTHING = frozenset({"cache"})


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a unit is unhealthy, and what to run."""

    reason: str
    hint: str


class Vigil:
    """Keeps the board true for units that run. `disks` are those that cannot be written now."""

    def __init__(self, platform: Platform, instance: Instance) -> None:
        self._platform = platform
        self._instance = instance
        self._answered: dict[str, float] = {}
        self._asking: dict[str, asyncio.Task[None]] = {}
        self._asked: dict[str, float] = {}
        self._silent_since = time.monotonic()  # nobody is blamed for silence before
        self._before: dict[str, dict[str, str]] = {}  # what a unit said while it was ready
        self._disks_at = 0.0
        self._since: dict[str, float] = {}
        self.disks: list[Disk] = []

    async def keep(self) -> None:
        """Look every second until cancelled."""
        try:
            while True:
                began = (time.monotonic(), time.time())
                await asyncio.sleep(LOOK_S)
                if max(time.monotonic() - began[0], time.time() - began[1]) > LOOK_S + SLEPT_S:
                    self._silent_since = time.monotonic()
                await self._look_at_disks()
                for runner in tuple(self._platform.runners.values()):
                    self._look_at(runner)
        finally:
            for task in self._asking.values():
                task.cancel()

    async def _look_at_disks(self) -> None:
        if time.monotonic() < self._disks_at:
            return
        found = await asyncio.to_thread(disk.look, disk.places(self._instance))
        self.disks = [each for each in found if each.problem]
        self._disks_at = time.monotonic() + DISKS_EVERY_S
        self._since = {str(each.path): self._since.get(str(each.path), time.time()) for each in self.disks}

    def troubles(self) -> list[dict[str, Any]]:
        """Return the disks that cannot be written, in the form of `Upkeep.to_json`."""
        return [
            {"work": "writing", "error": str(each), "since": round(self._since[str(each.path)], 3), "times": 1}
            for each in self.disks
        ]

    def _look_at(self, runner: Runner) -> None:
        """Move a unit between ready and unhealthy."""
        if runner.state not in RUNNING:
            self._answered.pop(runner.name, None)
            self._before.pop(runner.name, None)
            return
        self._ask(runner)
        problem = self._suspended(runner) or self._mute(runner) or self._cannot_write(runner)
        board = self._platform.board
        unit = board[runner.name]
        if problem and unit.state is State.READY:
            self._before[runner.name] = {"reason": unit.reason, "hint": unit.hint, "status": unit.status}
            board.move(runner.name, State.UNHEALTHY, reason=problem.reason, hint=problem.hint, status="")
        elif problem:
            board.detail(runner.name, reason=problem.reason, hint=problem.hint)
        elif unit.state is State.UNHEALTHY:
            board.move(runner.name, State.READY, **self._before.pop(runner.name, {"reason": "", "hint": ""}))

    def _suspended(self, runner: Runner) -> Problem | None:
        pid = self._platform.board[runner.name].pid
        if pid is None or not is_suspended(pid):
            return None
        return Problem("it is stopped by a signal (SIGSTOP) or held by a debugger", f"kill -CONT {pid}")

    def _mute(self, runner: Runner) -> Problem | None:
        heard_at = self._answered.get(runner.name) if asks(runner) else runner.heard_at
        if heard_at is None or time.monotonic() - max(heard_at, self._silent_since) <= WATCHDOG_S:
            return None
        if asks(runner):
            return Problem(f"it has not answered for more than {WATCHDOG_S:.0f} s", f"autional restart {runner.name}")
        return Problem(
            f"it has given no sign of life for more than {WATCHDOG_S:.0f} s: its event loop is blocked",
            f"autional restart {runner.name}",
        )

    def _cannot_write(self, runner: Runner) -> Problem | None:
        use = uses(runner)
        found = next((each for each in self.disks if use in each.uses), None)
        return Problem(f"it cannot write: {found}", disk.fix(found)) if found else None

    def _ask(self, runner: Runner) -> None:
        """Ask a server whether it answers, beside the look, at most once at a time."""
        now = time.monotonic()
        asking = self._asking.get(runner.name)
        if not asks(runner) or (asking and not asking.done()) or now < self._asked.get(runner.name, 0.0):
            return
        self._asked[runner.name] = now + ASK_EVERY_S
        self._answered.setdefault(runner.name, now)
        self._asking[runner.name] = asyncio.create_task(self._hear(runner), name=f"asking {runner.name}")

    async def _hear(self, runner: Runner) -> None:
        resource = runner.definition.resource
        try:
            if resource:
                await resource.wait_ready(ANSWER_S)
            else:
                port = runner.definition.ports[0]
                await probe.until(lambda: probe.http(port, "/healthz"), what=runner.name, timeout_s=ANSWER_S)
        except (AutionalError, OSError):
            return  # silence is judged by how long it lasts
        if runner.state in RUNNING:
            self._answered[runner.name] = time.monotonic()


def asks(runner: Runner) -> bool:
    """Whether a unit is asked, because it does not speak the notify protocol by itself."""
    definition = runner.definition
    return definition.kind == "resource" or (definition.kind == "platform" and bool(definition.ports))


def uses(runner: Runner) -> str:
    """Return what a unit needs a disk for (`disk.places`), empty when it works without one."""
    if runner.definition.kind == "platform":
        return disk.STATE
    folder = getattr(runner.definition.resource, "data_dir", None)
    return disk.data_of(folder) if folder and runner.name not in KEEPS_NOTHING else ""
