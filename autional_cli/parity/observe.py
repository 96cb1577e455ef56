"""Walking the suite on one running platform, and reading the traces of what was done."""

from __future__ import annotations

import asyncio
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import aiohttp

from autional_cli.errors import AutionalError
from autional_cli.journeys import steps as declared_steps
from autional_cli.load.ledger import Ledger
from autional_cli.load.settling import settle
from autional_cli.parity.behaviour import STEPS
from autional_cli.parity.observation import Observation, Seen, StepSeen
from autional_cli.parity.witness import Witness
from autional_cli.pytest_plugin.people import postbox
from autional_cli.pytest_plugin.traces import views
from autional_cli.telemetry.locate import open_traces
from services.chassis.journey import JourneyError, Step, arrange

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from autional_cli.pytest_plugin.running import Platform
    from autional_cli.telemetry.model import Backend

    Say = Callable[[str], None]

STEP_S = 60.0
TRACE_S = 20.0
LOOK_S = 0.05  # between two looks at whether a step's messages have arrived
WRONG = (JourneyError, AutionalError, aiohttp.ClientError, OSError, TimeoutError, KeyError, TypeError, IndexError)


def suite(services: Iterable[str]) -> list[Step]:
    """Return the steps of all services and those of parity itself, in the order in which they run."""
    return arrange((*declared_steps(services), *STEPS))


async def observe(platform: Platform, label: str, stack: str, *, walks: int, say: Say) -> Observation:
    """Walk the suite so often, each time as another user, and return what was seen."""
    began = time.monotonic()
    planned = suite(platform.services)
    seen = Observation(label, platform.driver, stack, steps={step.name: StepSeen(step.name) for step in planned})
    limit = aiohttp.ClientTimeout(total=STEP_S)
    ledger = await Ledger.open(platform.instance, platform.services)
    try:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), timeout=limit) as session:
            for number in range(walks):
                user = Witness(gateway=platform.gateway, session=session, post=postbox(platform))
                say(f"{label}: walk {number + 1} of {walks}")
                walked = await walk(user, planned, ledger)
                say(f"{label}: traces of walk {number + 1}")
                await asyncio.to_thread(read_traces, platform, walked)
                for name, (once, _) in walked.items():
                    seen.steps[name].walks.append(once)
    finally:
        await ledger.close()
    seen.elapsed_s = time.monotonic() - began
    return seen


async def walk(user: Witness, planned: Iterable[Step], ledger: Ledger) -> dict[str, tuple[Seen, list[str]]]:
    """Take each step; one that follows a failed one is left out. Returns what was seen, and trace ids, by step.

    A step begins when every message of the one before it has been applied. A consumer that is given several at once
    works in the trace of one of them: of steps that follow each other closely it would be chance whose that is.
    """
    walked: dict[str, tuple[Seen, list[str]]] = {}
    for step in planned:
        if any(name not in walked or not walked[name][0].ok for name in step.after):
            continue
        await ledger.mark()
        seen = await take(user, step)
        walked[step.name] = (seen, user.traces)
        if all(answer.method == "GET" for answer in seen.answers):
            continue  # who only looks sets nothing going
        account = await settle(ledger, deadline_s=TRACE_S, look_s=LOOK_S)
        if not (account.balanced and account.settled):
            seen.untraced = f"its messages were not all applied within {TRACE_S:g} s"
    return walked


async def take(user: Witness, step: Step) -> Seen:
    """Take one step and return what its user saw."""
    user.forget()
    began, error = time.perf_counter(), ""
    try:
        async with asyncio.timeout(STEP_S):
            await step.run(user)
    except WRONG as failure:
        error = str(failure) or type(failure).__name__
    return Seen(not error, error, round((time.perf_counter() - began) * 1000, 1), user.answers)


def read_traces(platform: Platform, walked: dict[str, tuple[Seen, list[str]]]) -> None:
    """Add to each step what its traces show."""
    with closing(open_traces(platform.instance.home, time.time_ns())) as backend:
        for seen, traces in walked.values():
            for trace_id in filter(None, traces):
                try:
                    read_trace(backend, trace_id, seen)
                except AutionalError as error:
                    seen.untraced = error.message.replace(trace_id, "…")


def read_trace(backend: Backend, trace_id: str, seen: Seen) -> None:
    """Add one trace to what was seen of a step. AutionalError if it is not complete within `TRACE_S`."""
    from autional_cli.telemetry.selection import Request, find

    analysis, complaint = find(Request(trace_id, None, "", TRACE_S), backend, None)
    if complaint is not None:
        raise complaint
    for view in views(analysis.tree.nodes):
        seen.spans.add((view.service, view.kind, view.name))
        if view.kind == "producer":
            seen.events.add(view.name.removeprefix("send "))
        if "db.system.name" in view.attributes and view.statement and not view.background:
            seen.queries[view.service] = seen.queries.get(view.service, 0) + 1


def as_json(seen: StepSeen) -> dict[str, Any]:
    """Return a step of one side as plain data."""
    return {
        "outcome": seen.outcome,
        "error": seen.error,
        "ms": seen.ms,
        "answers": [f"{answer}" for answer in seen.walks[-1].answers] if seen.walks else [],
        "queries": sum(high for _, high in seen.queries().values()),
        "spans": len(seen.always("spans")),
        "events": sorted(seen.always("events")),
    }
