"""Running the journey that the services declare, against a platform that is up."""

from __future__ import annotations

import importlib
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp

from autional_cli.errors import AutionalError
from services.chassis.journey import JourneyError, Step, Traveller, arrange

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable


TIMEOUT_S = 60.0


@dataclass(slots=True)
class Outcome:
    """How one step went. `ms` is its wall time, waiting for mail and events included."""

    name: str
    ms: float
    ok: bool
    error: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list)


def steps(services: Iterable[str]) -> list[Step]:
    """Return the steps that `services` declare in their `journey.py`, in the order in which they run."""
    declared: list[Step] = []
    for name in services:
        try:
            module = importlib.import_module(f"services.{name}.journey")
        except ModuleNotFoundError as missing:
            if missing.name != f"services.{name}.journey":
                raise
            continue  # a service that users do not meet, such as the gateway itself
        declared += module.STEPS
    return arrange(declared)


async def travel(traveller: Traveller, planned: Iterable[Step]) -> AsyncIterator[Outcome]:
    """Run the steps and yield how each went; stops after the first that failed."""
    for step in planned:
        before = len(traveller.exchanges)
        started = time.perf_counter()
        error = ""
        try:
            await step.run(traveller)
        except (JourneyError, AutionalError, aiohttp.ClientError, TimeoutError, KeyError, TypeError) as failure:
            error = str(failure) or type(failure).__name__
        ms = (time.perf_counter() - started) * 1000
        requests = [asdict(exchange) for exchange in traveller.exchanges[before:]]
        yield Outcome(step.name, round(ms, 2), not error, error, requests)
        if error:
            return
