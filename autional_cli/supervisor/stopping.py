"""Stopping a platform in order, with a deadline, and the proof that nothing survives."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from autional_cli.errors import AutionalError, ExitCode
from autional_cli.plan import ports_of, stop_levels
from autional_cli.ports import holder
from autional_cli.supervisor.draining import drain_units
from autional_cli.supervisor.process import kill_group

if TYPE_CHECKING:
    from collections.abc import Iterable

    from autional_cli.supervisor.drained import DrainReport
    from autional_cli.supervisor.platform import Platform
    from autional_cli.supervisor.units import Runner

FORCE_S = 10.0  # for everything to be gone after SIGKILL
FOR_RESOURCES = 0.25  # the share of the time that is kept for what services stand on


async def stop_all(platform: Platform, timeout_s: float) -> DrainReport:
    """Drain the services, then stop the rest level by level; kill what is left when `timeout_s` have passed.

    Returns how the services ended. Raises AutionalError (exit 8) naming what had to be killed, what survived, and
    which ports are still held.
    """
    began = time.monotonic()
    services = [definition.name for definition in platform.definitions() if definition.kind == "service"]
    forced: list[str] = []
    problems: list[str] = []
    report = await drain_units(platform, services, timeout_s * (1 - FOR_RESOURCES))
    try:
        async with asyncio.timeout(max(1.0, timeout_s - (time.monotonic() - began))):
            problems += await stop_in_order(platform)
    except TimeoutError:
        forced = await kill_rest(platform)
    if forced:
        problems.append(f"killed after {timeout_s:.0f} s, not drained: {', '.join(forced)}")
    problems += proof(platform)
    if problems:
        raise AutionalError(
            "; ".join(problems),
            hint="`autional logs` shows what they did last; `autional doctor` shows who holds a port",
            exit_code=ExitCode.DRAIN_INCOMPLETE,
        )
    return report


async def stop_in_order(platform: Platform) -> list[str]:
    """Stop level after level; return what went wrong, having gone on with the rest."""
    problems = []
    for level in stop_levels(platform.definitions()):
        problems += await stop_units([platform.runners[name] for name in level])
    return problems


async def stop_units(runners: Iterable[Runner]) -> list[str]:
    """Stop units side by side; return the messages of those that could not be stopped."""
    outcomes = await asyncio.gather(*(runner.stop() for runner in runners), return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException) and not isinstance(outcome, AutionalError):
            raise outcome
    return [outcome.message for outcome in outcomes if isinstance(outcome, AutionalError)]


async def kill_rest(platform: Platform) -> list[str]:
    """Kill every process that still runs; return their names."""
    left = list(platform.running())
    for handle in left:
        kill_group(handle.pid)
    if left:
        await asyncio.wait({handle.exited for handle in left}, timeout=FORCE_S)
    await asyncio.wait_for(stop_in_order(platform), FORCE_S)
    return sorted({handle.spec.name for handle in left})


def proof(platform: Platform) -> list[str]:
    """Return a line for every process ever started that still runs, and for every port that is still held."""
    lines = [f"{name} still runs" for name in platform.survivors()]
    ports = sorted({port for definition in platform.definitions() for port in ports_of(definition)})
    holders = {port: holder(port) for port in ports}
    return lines + [f"port {port} is still held by {found}" for port, found in holders.items() if found]
