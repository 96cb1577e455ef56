"""Drains, rolls and scales services: in the order of docs/adr/0014, with a deadline, and with a report."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from autional_cli.errors import AutionalError
from autional_cli.plan import stop_levels
from autional_cli.supervisor.drained import Drained, DrainReport
from autional_cli.supervisor.state import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from autional_cli.plan import UnitDef
    from autional_cli.supervisor.platform import Platform

Report = dict[str, Any]


class Draining:
    """What stops and replaces services on purpose. One drain at a time: who asks for the same attaches to it."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._names: frozenset[str] = frozenset()
        self._rolls = False
        self._running: asyncio.Task[Report] | None = None

    @property
    def is_running(self) -> bool:
        """Whether something is being drained or rolled at this moment."""
        return self._running is not None and not self._running.done()

    async def drain(self, names: Sequence[str], timeout_s: float, *, restart: bool = False) -> Report:
        """Drain units, or with `restart` replace them one by one.

        Who asks for what is being done gets that report. AutionalError when something else is being drained.
        """
        if self._running and self.is_running:
            if restart != self._rolls or not self._names.issuperset(names):
                what = "rolled" if self._rolls else "drained"
                raise AutionalError(
                    f"{', '.join(sorted(self._names))} is being {what} at this moment",
                    hint="run the command again when that is done; `autional ps` shows it",
                )
            return {**await asyncio.shield(self._running), "attached": True}
        self._names, self._rolls = frozenset(names), restart
        work = self._roll(names, timeout_s) if restart else self._drain(names, timeout_s)
        self._running = asyncio.create_task(work, name="drain")
        return await asyncio.shield(self._running)  # who asked may leave: what has begun is finished

    async def _drain(self, names: Sequence[str], timeout_s: float) -> Report:
        return (await drain_units(self._platform, names, timeout_s)).to_json(restarted=False)

    async def _roll(self, names: Sequence[str], timeout_s: float) -> Report:
        """Replace units one by one, callees before callers; `timeout_s` is for each. Ends at the first that fails."""
        began, report = time.monotonic(), DrainReport()
        order = [name for level in reversed(self._levels(names)) for name in level]
        for name in order:
            self._refuse_gap(name)
        for name in order:
            runner = self._platform.runners[name]
            if runner.state is State.READY and hands_over(runner.definition):
                report.ended.append(await runner.roll(timeout_s))
            else:
                report.ended.append(await runner.restart(timeout_s))
                await self._platform.ready(name)
        report.elapsed_ms = round((time.monotonic() - began) * 1000)
        return report.to_json(restarted=True)

    def _refuse_gap(self, name: str) -> None:
        """Refuse to roll what can neither hand its port over nor leave its work to another replica meanwhile."""
        runners = self._platform.runners
        unit = runners[name].definition
        if runners[name].state is not State.READY or hands_over(unit):
            return
        others = [r for r in runners.values() if r.definition.service == unit.service and r.name != name]
        if not any(other.state is State.READY for other in others):
            raise AutionalError(
                f"{name} is a container, which cannot hand its port over, and the only replica of {unit.service}",
                hint=f"autional scale {unit.service}=2, then roll; or accept a gap: autional restart {unit.service}",
            )

    async def restart(self, names: Sequence[str], timeout_s: float) -> Report:
        """Drain units in order, each level started again as soon as it has stopped."""
        began, report = time.monotonic(), DrainReport()
        for level in self._levels(names):
            left_s = max(0.0, timeout_s - (time.monotonic() - began))
            runners = [self._platform.runners[name] for name in level]
            report.ended += await asyncio.gather(*(runner.restart(left_s) for runner in runners))
        report.elapsed_ms = round((time.monotonic() - began) * 1000)
        return report.to_json(restarted=True)

    def _levels(self, names: Iterable[str]) -> tuple[tuple[str, ...], ...]:
        return stop_levels(self._platform.runners[name].definition for name in names)


def hands_over(definition: UnitDef) -> bool:
    """Whether a successor can serve the port of a unit before it has left it."""
    return definition.process is not None and definition.process.listen is not None


async def drain_units(platform: Platform, names: Iterable[str], timeout_s: float) -> DrainReport:
    """Stop units level by level; what is in hand may take `timeout_s` seconds in all, then it is cut off.

    Never raises for what cannot be stopped: the report names it.
    """
    began, report = time.monotonic(), DrainReport()
    for level in stop_levels(platform.runners[name].definition for name in names):
        left_s = max(0.0, timeout_s - (time.monotonic() - began))
        report.ended += await asyncio.gather(*(_stop(platform, name, left_s) for name in level))
    report.elapsed_ms = round((time.monotonic() - began) * 1000)
    return report


async def _stop(platform: Platform, name: str, patience_s: float) -> Drained:
    runner = platform.runners[name]
    try:
        return await runner.stop(patience_s)
    except AutionalError as failure:
        return Drained(unit=name, service=runner.definition.service or name, killed=True, problem=failure.message)
