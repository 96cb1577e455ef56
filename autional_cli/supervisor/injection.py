"""How each drill is done to a running platform and undone. The supervisor owns both, whoever asked."""

from __future__ import annotations

import signal
import socket
from typing import TYPE_CHECKING, Protocol

from autional_cli.errors import AutionalError, ExitCode
from autional_cli.supervisor.process import signal_process
from autional_cli.supervisor.state import RUNNING, State
from autional_cli.workspace.source import suggest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from autional_cli.chaos.catalogue import Order
    from autional_cli.supervisor.platform import Platform

DATABASE = "postgres"
CONNECT_S = 5.0


class Injection(Protocol):
    """A fault: done to units, done again to one that was started anew meanwhile, undone."""

    async def begin(self, units: Iterable[str], left_s: float) -> None:
        """Do it to `units`; it may last `left_s` seconds more."""

    async def end(self) -> None:
        """Undo it. Harmless when it was never begun, or only in part."""


def fault_socket(unit: str, generation: int = 0) -> str:
    """Return the name, in the instance's run directory, of the socket where a process of a unit takes rules.

    A successor (generation 1) has one of its own: its predecessor, which removes its socket at its end, still runs.
    """
    return f"fault-{unit}{'~' * generation}.sock"


def units_of(platform: Platform, order: Order) -> list[str]:
    """Return the units that a drill is done to. AutionalError for an unknown one (2) or one that does not run (4)."""
    names = order.targets or (DATABASE,)
    resources = {d.name for d in platform.definitions() if d.resource and order.drill == "kill"}
    services: dict[str, list[str]] = {}
    for definition in platform.definitions():
        if definition.kind == "service":
            services.setdefault(definition.service or definition.name, []).append(definition.name)
    found: list[str] = []
    for name in names:
        units = services.get(name) or ([name] if name in resources or not order.targets else [])
        if not units or any(unit not in platform.board for unit in units):
            known = [*services, *sorted(resources)]
            raise AutionalError(
                f"there is no service{' or resource' if resources else ''} {name!r} here{suggest(name, known)}",
                hint=f"running: {', '.join(known) or 'nothing'}",
            )
        _refuse_idle(platform, name, units)
        found += units
    if order.drill == "cut":
        _refuse_strangers(platform, order)
    return found


def _refuse_idle(platform: Platform, name: str, units: Iterable[str]) -> None:
    for unit in units:
        shown = platform.board[unit]
        if shown.state not in RUNNING or not shown.pid:
            raise AutionalError(
                f"{name} is {shown.state}{' and has no process' if not shown.pid else ''}; a drill needs it running",
                hint=f"autional up {name}" if shown.state is State.STOPPED else f"autional why {name}",
                exit_code=ExitCode.BACKEND_UNAVAILABLE,
            )


def _refuse_strangers(platform: Platform, order: Order) -> None:
    """The gateway calls everyone; others call what they declare."""
    calls = {d.service or d.name: set(d.calls) for d in platform.definitions() if d.kind == "service"}
    one, other = order.targets
    if "gateway" in order.targets or other in calls[one] or one in calls[other]:
        return
    links = [f"{caller} {callee}" for caller, callees in calls.items() for callee in sorted(callees)]
    raise AutionalError(
        f"{one} and {other} never call each other, so there is nothing to cut", hint=f"links: {', '.join(links)}"
    )


class Rules:
    """Latency, errors and cuts: a rule with its own end, sent to the service processes."""

    def __init__(self, platform: Platform, order: Order) -> None:
        self._platform = platform
        self._order = order
        self._told: set[str] = set()

    async def begin(self, units: Iterable[str], left_s: float) -> None:
        """Send each unit its rule. AutionalError (exit 4) for one that takes none."""
        for unit in units:
            self._told.add(unit)
            self._send(unit, left_s)

    def _send(self, unit: str, left_s: float) -> None:
        from services.chassis.faults import Rule

        order = self._order
        runner = self._platform.runners[unit]
        service = runner.definition.service
        rule = Rule(
            for_s=left_s,
            latency_s=order.ms / 1000 if order.drill == "latency" else 0.0,
            error_rate=order.rate if order.drill == "errors" else 0.0,
            cut=frozenset(order.targets) - {service} if order.drill == "cut" else frozenset(),
        )
        path = self._platform.run_dir / fault_socket(unit, runner.generation)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
            out.setblocking(False)
            try:
                out.sendto(rule.encode(), str(path))
            except OSError as error:
                raise AutionalError(
                    f"{unit} takes no faults: {path}: {error.strerror}",
                    hint=f"it was started without them: autional restart {service}",
                    exit_code=ExitCode.BACKEND_UNAVAILABLE,
                ) from error

    async def end(self) -> None:
        """Tell every unit that was told; one that is gone took the rule along."""
        for unit in self._told:
            try:
                self._send(unit, 0.0)
            except AutionalError:
                continue
        self._told.clear()


class Frozen:
    """SIGSTOP to the processes of units, those they started included (PostgreSQL's); SIGCONT at the end."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    async def begin(self, units: Iterable[str], left_s: float) -> None:
        """Stop them, parents first, so that a parent cannot start another one behind our back."""
        import psutil

        for unit in units:
            pid = self._platform.board[unit].pid
            if pid is None:
                continue
            self._platform.freeze(pid)
            try:
                children = psutil.Process(pid).children(recursive=True)
            except psutil.Error:
                continue
            for child in children:
                self._platform.freeze(child.pid)

    async def end(self) -> None:
        """Let them go on."""
        self._platform.thaw()


class Killed:
    """SIGKILL, once; starting again is the supervisor's everyday work."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._done = False

    async def begin(self, units: Iterable[str], left_s: float) -> None:
        """Kill them; not again what was started anew."""
        if self._done:
            return
        self._done = True
        for unit in units:
            if pid := self._platform.board[unit].pid:
                signal_process(pid, signal.SIGKILL)

    async def end(self) -> None:
        """Do nothing."""


class ReadOnly:
    """PostgreSQL without a byte left to write: every transaction is read-only.

    The setting lies in postgresql.auto.conf, which every start removes: it cannot outlive a killed supervisor.
    """

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._begun = False

    async def begin(self, units: Iterable[str], left_s: float) -> None:
        """Set it; sessions that are open already follow."""
        self._begun = True
        await self._set("ALTER SYSTEM SET default_transaction_read_only = on")

    async def end(self) -> None:
        """Reset it. A server that does not run now starts without it."""
        if self._begun and self._platform.board[DATABASE].state in RUNNING:
            await self._set("ALTER SYSTEM RESET default_transaction_read_only")

    async def _set(self, statement: str) -> None:
        import asyncpg

        url = self._platform.runners[DATABASE].definition.url
        try:
            connection = await asyncpg.connect(url, timeout=CONNECT_S, command_timeout=CONNECT_S)
            try:
                await connection.execute(statement)
                await connection.execute("SELECT pg_reload_conf()")
            finally:
                await connection.close(timeout=CONNECT_S)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise AutionalError(
                f"{DATABASE} did not take `{statement}`: {error}",
                hint=f"autional why {DATABASE}",
                exit_code=ExitCode.BACKEND_UNAVAILABLE,
            ) from error


def injection(platform: Platform, order: Order) -> Injection:
    """Return the way to do the drill of `order`."""
    if order.drill in ("latency", "errors", "cut"):
        return Rules(platform, order)
    if order.drill in ("stop", "pause-database"):
        return Frozen(platform)
    return Killed(platform) if order.drill == "kill" else ReadOnly(platform)
