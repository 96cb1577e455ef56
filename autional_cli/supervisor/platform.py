"""What all units of one instance share: the board, the ways to start a process, and who was ever started."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from autional_cli.supervisor.process import base_environment, is_alive, signal_process, start_time
from autional_cli.supervisor.state import Board, State
from autional_cli.supervisor.timings import Timeline
from autional_cli.supervisor.turns import Turns
from autional_cli.supervisor.units import Runner

if TYPE_CHECKING:
    import socket
    from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
    from pathlib import Path

    from autional_cli.drivers.base import ProcessSpec
    from autional_cli.plan import Topology, UnitDef
    from autional_cli.supervisor.guard import Guard
    from autional_cli.supervisor.launch import Handle, Launcher
    from autional_cli.supervisor.presence import Presence


class Platform:
    """The running units. `programs` starts argv, `entries` starts Python entries; `guard` hears of every process."""

    def __init__(
        self, *, run_dir: Path, presence: Presence, guard: Guard, programs: Launcher, entries: Launcher
    ) -> None:
        self.run_dir = run_dir
        self.presence = presence
        self.board = Board()
        self.timeline = Timeline()
        self.turns = Turns()
        self.runners: dict[str, Runner] = {}
        self._guard = guard
        self._programs = programs
        self._entries = entries
        self._started: list[Handle] = []
        self._frozen: dict[int, str] = {}

    def renew(self) -> None:
        """Launch entries with what is on disk now, not with what was imported ahead."""
        self._entries.renew()

    async def launch(self, spec: ProcessSpec, env: Mapping[str, str], listener: socket.socket | None = None) -> Handle:
        """Start the process of `spec` with `env` on top of what the spec says; it inherits `listener`."""
        complete = base_environment(os.environ) | dict(spec.env) | dict(env)
        launcher = self._entries if spec.entry else self._programs
        handle = await launcher.launch(spec, complete, listener)
        self._started.append(handle)
        self._guard.add(handle)
        return handle

    def freeze(self, pid: int) -> None:
        """Stop a process (SIGSTOP) until `thaw`; the guardian sees to that if this process is killed meanwhile."""
        started = start_time(pid)
        if started:
            self._frozen[pid] = started
            self._guard.freeze(pid, started)
            signal_process(pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let every frozen process go on, the last one first."""
        for pid, started in reversed(self._frozen.items()):
            if is_alive(pid, started):
                signal_process(pid, signal.SIGCONT)
            self._guard.thaw(pid)
        self._frozen.clear()

    def definitions(self) -> tuple[UnitDef, ...]:
        """The definitions of all units, stopped ones included."""
        return tuple(runner.definition for runner in self.runners.values())

    def merge(self, topology: Topology, only: Collection[str] | None = None) -> list[str]:
        """Start what is in `topology` and does not run, of the services `only` if they are given.

        What runs is left alone. Return the names of what was started.
        """
        touched = []
        for definition in topology.units:
            if only is not None and (definition.service or definition.name) not in only:
                continue
            runner = self.runners.get(definition.name)
            if runner is None:
                runner = self.runners[definition.name] = Runner(definition, self)
            elif runner.state in (State.STOPPED, State.FAILED) or runner.is_outdated_by(definition):
                runner.redefine(definition)
            else:
                continue
            touched.append(definition.name)
        for name in touched:  # after all are known: a unit waits for others by name
            self.runners[name].start()
        return touched

    def remove(self, name: str) -> None:
        """Forget a unit that is stopped."""
        self.board.remove(name)
        del self.runners[name]

    async def reprovision(self, topology: Topology) -> None:
        """Give resources that run already what more services need of them: databases, roles, users."""
        for definition in topology.units:
            runner = self.runners.get(definition.name)
            running = runner is not None and runner.state is State.READY
            if runner and running and definition.resource and definition.resource != runner.definition.resource:
                runner.redefine(definition)
                await definition.resource.provision()

    def units_to_start(self, topology: Topology, only: Collection[str] | None = None) -> list[UnitDef]:
        """Return the definitions that `merge` would start a process for."""
        idle = (State.STOPPED, State.FAILED)
        known = self.runners
        wanted = [d for d in topology.units if only is None or (d.service or d.name) in only]
        return [d for d in wanted if d.name not in known or known[d.name].state in idle]

    async def pause(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Stop a unit, await `work`, and return when the unit is ready again; AutionalError if it fails."""
        runner = self.runners[name]
        await runner.stop()
        try:
            await work()
        finally:
            runner.start()
        await self.ready(name)

    async def ready(self, name: str) -> None:
        """Return when a unit is ready; AutionalError if it fails."""
        await self.board.until(lambda board: board[name].state in (State.READY, State.FAILED))
        if failure := self.runners[name].failure:
            raise failure

    def survivors(self) -> list[str]:
        """Return every process that was ever started and still runs, as `name (pid)`."""
        return [f"{h.spec.name} (pid {h.pid})" for h in self._started if is_alive(h.pid, h.started)]

    def running(self) -> Iterable[Handle]:
        """The processes that have not ended."""
        return [handle for handle in self._started if not handle.exited.done()]
