"""What has to run, and the ordered steps from what runs now to that. Pure: nothing is started or asked here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from autional_cli.errors import AutionalError, ExitCode

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping
    from pathlib import Path

    from autional_cli.drivers.base import ProcessSpec, Resource

RUNNING = ("ready", "unhealthy")
Kind = Literal["resource", "platform", "task", "service"]


class Task(Protocol):
    """Work that a process does once and that need not be done again."""

    def is_done(self) -> bool:
        """Whether it was done already for the present inputs."""

    async def finish(self, pause: Callable[[str, Callable[[], Awaitable[None]]], Awaitable[None]]) -> None:
        """Record that it is done. `pause(unit, work)` stops a unit, awaits `work()`, and has the unit ready again."""


@dataclass(frozen=True, kw_only=True)
class UnitDef:
    """One thing the supervisor runs: a resource, a process of the platform, a task that ends, or a service's replica.

    `needs` must be ready before it starts. `calls` are asked while it runs: they order the stopping and explain
    failures. `watched` are the folders whose edit replaces its process.
    """

    name: str
    kind: Kind = "service"
    service: str = ""
    process: ProcessSpec | None = None
    resource: Resource | None = None
    task: Task | None = None
    needs: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    watched: tuple[Path, ...] = ()
    ports: tuple[int, ...] = ()
    url: str = ""
    start_timeout_s: float = 60.0


@dataclass(frozen=True, kw_only=True)
class Topology:
    """All units of a platform, and the links that a person gets at the end. `asked`: services to start; None: all.

    `known` are all services of the workspace, those of other stacks included; None where there is no workspace.
    """

    units: tuple[UnitDef, ...]
    asked: frozenset[str] | None = None
    known: frozenset[str] | None = None
    driver: str = "embedded"
    gateway: str = ""
    dashboard: str = ""

    def __post_init__(self) -> None:
        names = [unit.name for unit in self.units]
        if len(set(names)) != len(names):
            raise ValueError(f"a unit is defined twice: {sorted(names)}")
        unknown = {need for unit in self.units for need in unit.needs} - set(names)
        if unknown:
            raise ValueError(f"units need what is not defined: {sorted(unknown)}")

    def ports(self) -> tuple[int, ...]:
        """All ports that its units listen on."""
        return tuple(port for unit in self.units for port in unit.ports)


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the plan: what is done to which unit, and after which other units."""

    action: str
    unit: str
    detail: str
    after: tuple[str, ...] = ()

    def __str__(self) -> str:
        after = f"   after {', '.join(self.after)}" if self.after else ""
        return f"{self.action:<8} {self.unit:<14} {self.detail}{after}"


def plan(topology: Topology, observed: Mapping[str, str]) -> tuple[Step, ...]:
    """Return the steps from `observed` (unit → state) to everything ready. What is ready already takes none."""
    steps = []
    for unit in ordered(topology.units):
        if observed.get(unit.name) in RUNNING or (unit.task and unit.task.is_done()):
            continue
        waits = tuple(need for need in unit.needs if observed.get(need) not in RUNNING)
        steps.append(Step(verb(unit), unit.name, describe(unit), waits))
    return tuple(steps)


def verb(unit: UnitDef) -> str:
    """Return what is done with a unit."""
    if unit.task:
        return "run"
    return "fork" if unit.process and unit.process.entry else "start" if ports_of(unit) else "prepare"


def ports_of(unit: UnitDef) -> tuple[int, ...]:
    """Return the ports a unit listens on."""
    return unit.ports or (unit.resource.ports if unit.resource else ())


def describe(unit: UnitDef) -> str:
    """Return the program and its address in a few words."""
    where = ", ".join(f"127.0.0.1:{port}" for port in ports_of(unit))
    if unit.resource:
        return f"{unit.resource.driver} {unit.resource.version}".strip() + (f" on {where}" if where else "")
    what = (unit.process.entry or unit.process.argv[0]) if unit.process else ""
    return f"{what} on {where}" if where else what


def ordered(units: Iterable[UnitDef]) -> tuple[UnitDef, ...]:
    """Return units so that each follows what it needs; otherwise in the order given. AutionalError for a cycle."""
    waiting = {unit.name: unit for unit in units}
    done: list[UnitDef] = []
    while waiting:
        free = [unit for unit in waiting.values() if not any(need in waiting for need in unit.needs)]
        if not free:
            names = ", ".join(sorted(waiting))
            raise AutionalError(f"these units need each other: {names}", exit_code=ExitCode.CONFIGURATION)
        done += free
        for unit in free:
            del waiting[unit.name]
    return tuple(done)


def stop_levels(units: Iterable[UnitDef]) -> tuple[tuple[str, ...], ...]:
    """Return the order of stopping, level by level: the edge, callers before callees, telemetry, resources last."""
    everything = tuple(units)
    by_kind = {kind: [u for u in everything if u.kind == kind] for kind in ("service", "task", "platform", "resource")}
    levels = [*call_levels(by_kind["service"])]
    levels += [tuple(unit.name for unit in by_kind[kind]) for kind in ("task", "platform", "resource")]
    return tuple(level for level in levels if level)


def call_levels(services: list[UnitDef]) -> list[tuple[str, ...]]:
    """Return services so that each comes after all of its callers; a cycle of calls stops together."""
    left = {unit.name: unit for unit in services}
    levels = []
    edge = tuple(unit.name for unit in services if (unit.service or unit.name) == "gateway")
    if edge:  # no new work comes in from outside while the rest drains
        levels.append(edge)
    for name in edge:
        del left[name]
    while left:
        called = {c for unit in left.values() for c in (*unit.calls, *unit.needs) if c != unit.service}
        level = tuple(u.name for u in left.values() if not called & {u.name, u.service}) or tuple(left)
        levels.append(level)
        for name in level:
            del left[name]
    return levels
