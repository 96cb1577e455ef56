"""The supervisor of one instance: brings the platform up, keeps it up, takes it down."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from autional_cli.errors import AutionalError, ExitCode
from autional_cli.plan import Topology, ports_of, stop_levels
from autional_cli.ports import refuse_taken
from autional_cli.supervisor import last, stopping
from autional_cli.supervisor.draining import Draining
from autional_cli.supervisor.drills import Drills
from autional_cli.supervisor.editing import Editing
from autional_cli.supervisor.report import report
from autional_cli.supervisor.scaling import checked
from autional_cli.supervisor.state import Board, State
from autional_cli.supervisor.timings import Timeline
from autional_cli.supervisor.vigil import Vigil
from autional_cli.supervisor.volumes import remove_data
from autional_cli.workspace.source import suggest

if TYPE_CHECKING:
    from autional_cli.instance import Instance
    from autional_cli.supervisor.journal import Journal
    from autional_cli.supervisor.platform import Platform
    from autional_cli.supervisor.request import Request, Source
    from autional_cli.supervisor.upkeep import Upkeep


class Supervisor:
    """What can be asked of a running platform. Every method raises AutionalError for the person who asked."""

    def __init__(
        self, *, instance: Instance, platform: Platform, source: Source, journal: Journal, upkeep: Upkeep
    ) -> None:
        self.instance = instance
        self.platform = platform
        self.over = asyncio.Event()
        self.closing = False
        self.topology = Topology(units=())
        self._source = source
        self._journal = journal
        self._request: Request | None = None
        self._changing = asyncio.Lock()
        self._editing = Editing(platform, journal, upkeep)
        self._draining = Draining(platform)
        self.upkeep = upkeep
        self.drills = Drills(platform, journal)
        self.vigil = Vigil(platform, instance)

    async def converge(self, request: Request, began: float | None = None) -> list[str]:
        """Start what `request` needs and does not run yet; return the names of the units that were started.

        `began` is when the person asked, in Unix seconds: the timings count from there.
        """
        async with self._changing:
            if self.closing:
                raise AutionalError("the platform is being stopped", hint="run the command again in a moment")
            if self._request is not None:
                self.platform.timeline = Timeline(began)
            merged = request.merged_with(self._request)
            with self.platform.timeline.step("workspace.load", steps=("supervisor.boot",)):
                topology = await asyncio.to_thread(self._source.build, merged)
                only = None if topology.asked is None else topology.asked | named_otherwise(topology)
                wanted = [p for d in self.platform.units_to_start(topology, only) for p in ports_of(d)]
                await asyncio.to_thread(refuse_taken, wanted, wanted_by=f"instance {self.instance.name}")
            self._request, self.topology = replace(merged, asked=()), topology
            await self._forget(topology)
            await self.platform.reprovision(topology)
            touched = self.platform.merge(topology, only)
            self._editing.follow()
            return touched

    async def settle(self, names: list[str], timeout_s: float, state: State = State.READY) -> None:
        """Return when all of `names` are in `state`.

        Raises AutionalError when one of them, or what it needs, failed (exit 6, or the failure's own), and when
        `timeout_s` pass (exit 5), naming those that are not there.
        """
        board = self.platform.board
        # Only of services: a resource may be stopped for a moment, to be copied.
        lived = [n for n in names if board[n].kind == "service" and board[n].state is not State.STOPPED]

        def stopped(board: Board) -> list[str]:
            return [n for n in lived if board[n].state is State.STOPPED] if state is not State.STOPPED else []

        def missing(board: Board) -> list[str]:
            return [name for name in names if board[name].state is not state]

        def settled(board: Board) -> bool:
            late = missing(board)
            return self.closing or not late or bool(stopped(board)) or self.first_failure(late) is not None

        try:
            async with asyncio.timeout(timeout_s):
                await board.until(settled)
        except TimeoutError:
            late = [f"{name} ({board[name].standing})" for name in missing(board)]
            raise AutionalError(
                f"waited {timeout_s:.0f} s for {state}: {', '.join(late)}",
                hint="`autional ps` shows the rest; wait longer with --timeout",
                exit_code=ExitCode.WAIT_TIMED_OUT,
            ) from None
        if failed := self.first_failure(missing(board)):
            raise self.explain(failed)
        if self.closing and missing(board):
            raise AutionalError("the platform was stopped meanwhile", exit_code=ExitCode.BACKEND_UNAVAILABLE)
        if gone := stopped(board):
            raise AutionalError(
                f"{', '.join(gone)} was drained meanwhile",
                hint=f"autional up {gone[0]}",
                exit_code=ExitCode.SERVICE_FAILED,
            )

    def must_be_whole(self) -> None:
        """Raise AutionalError (exit 6) when any unit failed for good, whatever was asked for."""
        failed = [unit for unit in self.platform.board if unit.state is State.FAILED]
        if failed:
            names, first = ", ".join(unit.name for unit in failed), failed[0]
            raise AutionalError(
                f"{names} failed; {first.name}: {first.reason}",
                hint=f"autional why {first.name}",
                exit_code=ExitCode.SERVICE_FAILED,
            )

    def first_failure(self, names: list[str]) -> str | None:
        """Return the unit that failed for good and keeps one of `names` from being ready."""
        for name in names:
            unit = self.platform.board.first_failing(name)
            if unit and unit.state is State.FAILED:
                return unit.name
        return None

    def explain(self, name: str) -> AutionalError:
        """Return the failure of a unit as an error, with its last lines."""
        unit, failure = self.platform.board[name], self.platform.runners[name].failure
        lines = "".join(f"\n    {line}" for line in unit.output[-8:])
        code = failure.exit_code if failure else ExitCode.SERVICE_FAILED
        hint = unit.hint or f"autional why {name}"
        return AutionalError(f"{name} failed: {unit.reason}{lines}", hint=hint, exit_code=code)

    def status(self) -> dict[str, Any]:
        """Return the platform as `ps --format json` shows it."""
        found = report(self.platform, self.topology, instance=self.instance.name)
        return found | {"troubles": self.troubles()}

    def troubles(self) -> list[dict[str, Any]]:
        """Return what the supervisor cannot do at the moment, and the disks that cannot be written."""
        return [*self.upkeep.to_json(), *self.vigil.troubles()]

    def names_of(self, services: list[str]) -> list[str]:
        """Return the units of services (or units) by name; all units for none. AutionalError for an unknown name."""
        runners = self.platform.runners
        found: list[str] = []
        for name in services:
            units = [unit for unit, runner in runners.items() if name in (unit, runner.definition.service)]
            if not units and name.endswith("-0"):  # a service's first replica alone: its unit has the service's name
                units = [unit for unit in runners if unit == name.removesuffix("-0")]
            if not units:
                raise AutionalError(
                    f"{name} does not run in instance {self.instance.name}{suggest(name, runners)}",
                    hint=f"running: {', '.join(runners) or 'nothing'}; more of the stack: autional up SERVICE",
                )
            found += units
        return list(dict.fromkeys(found)) if services else list(runners)

    def services_of(self, services: list[str]) -> list[str]:
        """Return the units of services, of all for none. AutionalError for an unknown name and for a resource."""
        definitions = {definition.name: definition for definition in self.platform.definitions()}
        names = self.names_of(services) if services else list(definitions)
        others = [name for name in names if definitions[name].kind != "service"]
        if services and others:
            raise AutionalError(
                f"{others[0]} is no service; only services are drained",
                hint=f"autional restart {others[0]}, or all of the platform: autional down",
            )
        return [name for name in names if name not in others]

    async def drain(self, services: list[str], timeout_s: float, *, restart: bool = False) -> dict[str, Any]:
        """Drain services, of all for none, and leave them stopped; with `restart` roll them. Returns the report."""
        names = self.services_of(services)
        if self.closing:
            raise AutionalError("the platform is being stopped", hint="that drains it as well")
        if self._draining.is_running:
            return await self._draining.drain(names, timeout_s, restart=restart)
        async with self._changing:
            return await self._draining.drain(names, timeout_s, restart=restart)

    async def restart(self, services: list[str], timeout_s: float) -> tuple[list[str], dict[str, Any]]:
        """Replace the processes of units, of all services for none; return their names and how they were drained."""
        names = self.names_of(services) if services else self.services_of([])
        async with self._changing:
            return names, await self._draining.restart(names, timeout_s)

    async def scale(self, wanted: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        """Run so many replicas of services: start what is missing and wait for it, drain what is too much.

        The numbers hold until the platform is stopped. Returns the report of the drain.
        """
        running = {d.service or d.name: None for d in self.platform.definitions() if d.kind == "service"}
        numbers = checked(wanted, list(running))
        async with self._changing:
            assert self._request is not None
            request = replace(self._request, replicas={**self._request.replicas, **numbers})
            topology = await asyncio.to_thread(self._build_scaled, request)
            listed = {unit.name for unit in topology.units}
            fresh = [d for d in self.platform.units_to_start(topology) if (d.service or d.name) in numbers]
            ports = [port for d in fresh for port in ports_of(d)]
            await asyncio.to_thread(refuse_taken, ports, wanted_by=f"instance {self.instance.name}")
            self._request, self.topology = request, topology
            started = self.platform.merge(topology, only=numbers)
            self._editing.follow()
            await self.settle(started, timeout_s)
            surplus = [d.name for d in self.platform.definitions() if d.service in numbers and d.name not in listed]
            report = await self._draining.drain(surplus[::-1], timeout_s)
            for name in surplus:
                self.platform.remove(name)
        return {**report, "started": started, "removed": surplus}

    async def _forget(self, topology: Topology) -> None:
        """Stop and forget the services that the workspace has no more: nobody could start or mend them."""
        known = topology.known
        services = [d for d in self.platform.definitions() if d.kind == "service"]
        gone = [d for d in services if known is not None and (d.service or d.name) not in known]
        for level in stop_levels(gone):
            await stopping.stop_units([self.platform.runners[name] for name in level])
        for definition in gone:
            self.platform.remove(definition.name)

    async def stop_units(self, names: list[str]) -> None:
        """Stop some units in order: what an interrupted `up` had started."""
        async with self._changing:
            for level in stop_levels(self.platform.runners[name].definition for name in names):
                await stopping.stop_units([self.platform.runners[name] for name in level])

    def _build_scaled(self, request: Request) -> Topology:
        try:
            return self._source.build(request)
        except AutionalError as failure:
            if failure.exit_code is not ExitCode.CONFIGURATION:
                raise
            raise AutionalError(failure.message, hint="ask for fewer: autional scale SERVICE=N") from None

    async def shut_down(self, *, timeout_s: float, volumes: bool = False) -> dict[str, Any]:
        """Stop everything, prove it, and let the supervisor end. AutionalError (exit 8) when something survives."""
        began = time.monotonic()
        self.closing = True
        try:
            await self._editing.close()
            await self.drills.end()
            await asyncio.to_thread(last.remember, self.instance, self.platform)
            async with self._changing:
                drained = await stopping.stop_all(self.platform, timeout_s)
                if volumes:
                    await self._remove_data()
        finally:
            self._source.close()
            elapsed = round((time.monotonic() - began) * 1000)
            self._journal.write("stopped", elapsed_ms=elapsed)
            self.over.set()
        units = [definition.name for definition in self.platform.definitions()]
        found = {"schema": 1, "instance": self.instance.name, "state": "stopped", "elapsed_ms": elapsed}
        found |= {"stopped": units, "volumes_removed": volumes, "pid": os.getpid()}
        return found | {"drain": drained.to_json(restarted=False)}

    async def _remove_data(self) -> None:
        for definition in self.platform.definitions():
            if definition.resource:
                await definition.resource.remove()
        await asyncio.to_thread(remove_data, self.instance)

    async def journal_transitions(self) -> None:
        """Write every change of state to the supervisor's log, until cancelled."""
        with self.platform.board.subscribe() as changes:
            while True:
                self._journal.transition(await changes.next())


def named_otherwise(topology: Topology) -> frozenset[str]:
    """Return what no service is: resources, tasks and the platform's own processes."""
    return frozenset(unit.name for unit in topology.units if unit.kind != "service")
