"""Journeys: what a real user does, step by step, through the gateway.

Each service declares its own steps in `journey.py`; together, in the order their `after` gives, they are one journey.
The smoke run, the benchmarks and the proofs share them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import aiohttp
import orjson

from services.chassis.clock import new_id

_REQUEST_S = 30.0


class JourneyError(Exception):
    """A step did not go as it should; the text says what was expected and what came."""


class Letter(Protocol):
    """A mail as a traveller reads it."""

    @property
    def text(self) -> str:
        """The plain text of the body."""


class Postbox(Protocol):
    """Where a traveller's mail arrives, whichever server holds it."""

    async def wait_for(self, *, to: str, subject: str = "", timeout_s: float) -> Letter:
        """Return the next mail to `to` about `subject`; raises past `timeout_s` seconds."""


@dataclass(slots=True)
class Exchange:
    """One request of a step, for the report."""

    method: str
    path: str
    status: int
    ms: float
    trace_id: str


@dataclass(slots=True, kw_only=True)
class Traveller:
    """One user on a journey: who they are, what they hold, and what they have seen so far."""

    gateway: str
    session: aiohttp.ClientSession
    post: Postbox
    email: str = field(default_factory=lambda: f"traveller.{new_id().hex[-20:]}@example.com")
    password: str = field(default_factory=lambda: f"pw-{new_id().hex}")
    access_token: str = ""
    refresh_token: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    exchanges: list[Exchange] = field(default_factory=list)

    async def request(
        self, method: str, path: str, json: Any = None, *, expect: int = 200, headers: Mapping[str, str] | None = None
    ) -> Any:
        """Send a request and return `data` of its envelope, or the whole envelope of an expected error.

        Raises `JourneyError` for any other status.
        """
        status, document = await self.send(method, path, json, headers=headers)
        if status != expect:
            raise JourneyError(f"{method} {path}: expected {expect}, got {status} {document}")
        return document.get("data") if status < 400 else document

    async def send(
        self, method: str, path: str, json: Any = None, *, headers: Mapping[str, str] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Send a request and return status and envelope."""
        sent = {"content-type": "application/json", **(headers or {})}
        if self.access_token:
            sent.setdefault("authorization", f"Bearer {self.access_token}")
        body = None if json is None else orjson.dumps(json)
        started = time.perf_counter()
        timeout = aiohttp.ClientTimeout(total=_REQUEST_S)
        async with self.session.request(
            method, self.gateway + path, data=body, headers=sent, timeout=timeout
        ) as response:
            raw = await response.read()
            ms = (time.perf_counter() - started) * 1000
            trace_id = response.headers.get("x-trace-id", "")
            self.exchanges.append(Exchange(method, path, response.status, ms, trace_id))
        try:
            document = orjson.loads(raw)
        except orjson.JSONDecodeError as error:
            raise JourneyError(f"{method} {path}: {response.status} without an envelope: {raw[:200]!r}") from error
        return response.status, document

    async def eventually(
        self, method: str, path: str, until: Callable[[Any], bool], *, what: str, timeout_s: float = 15.0
    ) -> Any:
        """Repeat a request until its data satisfies `until`: for what reaches a service through the bus."""
        deadline = time.monotonic() + timeout_s
        pause_s = 0.02
        while True:
            status, document = await self.send(method, path)
            if status == 200 and until(document.get("data")):
                return document.get("data")
            if time.monotonic() > deadline:
                raise JourneyError(f"{what} was not seen at {path} within {timeout_s:g} s; last: {status} {document}")
            await asyncio.sleep(pause_s)
            pause_s = min(0.25, pause_s * 1.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step: `name` is `<service>.<what>`; it runs once the steps in `after` have, or after all others if `last`.

    `repeats` says that a user who did it may do it again and again; with nothing in `after`, that each time a new user
    does it. `publishes` are the event types that it causes in the trace of one of its requests when it goes well.
    """

    name: str
    run: Callable[[Traveller], Awaitable[None]]
    after: tuple[str, ...] = ()
    last: bool = False
    repeats: bool = False
    publishes: tuple[str, ...] = ()


def arrange(steps: Iterable[Step]) -> list[Step]:
    """Return the steps in an order that respects `after` and otherwise keeps theirs.

    A step whose `after` names a service that is not part of this run is left out, and with it what comes after it.
    Raises `ValueError` for a cycle.
    """
    waiting = sorted(steps, key=lambda step: step.last)
    names = {step.name for step in waiting}
    done: dict[str, Step] = {}
    while True:
        ready = next((step for step in waiting if all(name in done for name in step.after)), None)
        if ready is None:
            break
        waiting.remove(ready)
        done[ready.name] = ready
    cycle = [step.name for step in waiting if all(name in names for name in step.after)]
    if cycle and not any(name not in names for step in waiting for name in step.after):
        raise ValueError(f"journey steps wait for each other: {', '.join(cycle)}")
    return list(done.values())
