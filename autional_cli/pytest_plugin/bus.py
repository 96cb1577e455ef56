"""The bus, for plain tests: publish an event, wait for one, wait until it was applied."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from autional_cli.errors import AutionalError, ExitCode
from autional_cli.events.bus import position
from services.chassis.clock import new_id, utcnow
from services.chassis.events import FIELD, Event, dead_stream, events_of, stream
from services.chassis.redis import connect

if TYPE_CHECKING:
    from autional_cli.pytest_plugin.room import Room
    from autional_cli.pytest_plugin.running import Platform
    from services.chassis.spec import ServiceSpec

    Where = Mapping[str, Any] | Callable[[Event], bool] | None

MARGIN_S = 5.0
BLOCK_MS = 1000
PAGE = 500
LOOK_AGAIN_S = 0.02
SHOWN = 5


class Bus:
    """The events of the platform since the test began. Each event is returned by `wait_for` once."""

    def __init__(self, platform: Platform, room: Room) -> None:
        from autional_cli.supervisor.topology import all_resources
        from autional_cli.workspace.discover import discover

        specs = discover(platform.instance.root)
        self._specs: dict[str, ServiceSpec] = {name: spec for name, spec in specs.items() if name in platform.services}
        url = next(r.admin_url() for r in all_resources(platform.instance) if r.name == "redis")
        self._room = room
        self._redis: Any = connect(url, name="pytest")
        self._returned: set[str] = set()
        self._since = room.run(self._now())

    def close(self) -> None:
        """Close the connection."""
        self._room.run(self._redis.aclose())

    def publish(self, kind: str, data: Mapping[str, Any], *, subject: str = "", traceparent: str = "") -> Event:
        """Put an event on the bus as if a service had published it, and return it."""
        event = Event(
            id=new_id(),
            source="pytest",
            type=kind,
            subject=subject or str(data.get("user_id", "")),
            time=utcnow(),
            sequence=time.time_ns() // 1000,
            data=dict(data),
            traceparent=traceparent,
        )
        self._room.run(self._redis.xadd(stream(kind), {FIELD: event.encode()}))
        return event

    def published(self, kind: str, where: Where = None) -> list[Event]:
        """Return the events of a type that were published since the test began."""
        found, _ = self._room.run(self._read(kind, self._since, None))
        return [event for _, event in found if matches(event, where)]

    def wait_for(self, kind: str, where: Where = None, *, timeout: float = 15.0) -> Event:
        """Return the next event of a type, published since the test began or still to come.

        `where` is a predicate, or fields that `data` must have (`subject` as well). AutionalError (exit 5) past
        `timeout` seconds, with what was seen instead.
        """
        return self._room.run(self._wait_for(kind, where, timeout), timeout_s=timeout + MARGIN_S)

    def wait_applied(self, event: Event, *, by: str | None = None, timeout: float = 15.0) -> None:
        """Return once the consumers of an event (or the one named) have applied and acknowledged it.

        AutionalError if one gave it up (exit 6, with its error), or is not done past `timeout` seconds (exit 5).
        """
        names = [by] if by else [name for name, spec in self._specs.items() if event.type in spec.consumes]
        self._room.run(self._wait_applied(event, names, timeout), timeout_s=timeout + MARGIN_S)

    async def _now(self) -> str:
        seconds, micros = await self._redis.time()
        return f"{seconds * 1000 + micros // 1000 - 1}-{2**64 - 1}"

    async def _read(self, kind: str, after: str, block_ms: int | None) -> tuple[list[tuple[str, Event]], str]:
        """Return the events after an entry with theirs, and up to where that is."""
        answer = await self._redis.xread({stream(kind): after}, count=PAGE, block=block_ms)
        entries = answer[0][1] if answer else []
        found = [(entry.decode(), event) for entry, event in events_of(entries)]
        last = entries[-1][0].decode() if entries else after
        if len(entries) == PAGE:
            more, last = await self._read(kind, last, None)
            found += more
        return found, last

    async def _wait_for(self, kind: str, where: Where, timeout_s: float) -> Event:
        deadline, after = time.monotonic() + timeout_s, self._since
        seen: list[Event] = []
        while (left := deadline - time.monotonic()) > 0:
            found, after = await self._read(kind, after, max(1, min(BLOCK_MS, int(left * 1000))))
            for entry, event in found:
                if entry not in self._returned and matches(event, where):
                    self._returned.add(entry)
                    return event
                seen.append(event)
        others = "".join(f"\n    {event.type} {event.subject} {event.data}" for event in seen[-SHOWN:])
        raise AutionalError(
            f"no {kind}{described(where)} was published within {timeout_s:g} s; "
            + (f"{len(seen)} others, last:{others}" if seen else "none of that type at all"),
            hint="autional trace last; autional logs",
            exit_code=ExitCode.WAIT_TIMED_OUT,
        )

    async def _wait_applied(self, event: Event, names: list[str], timeout_s: float) -> None:
        deadline, waiting = time.monotonic() + timeout_s, list(names)
        found, _ = await self._read(event.type, self._since, None)
        entry = next((at for at, each in found if each.id == event.id), None)
        if entry is None:
            raise AutionalError(f"{event.type} {event.id} is not on the bus", hint="it was published before this test")
        while waiting:
            for name in list(waiting):
                await self._refuse_dead(event, name)
                if await self._is_done(event.type, entry, name):
                    waiting.remove(name)
            if waiting and time.monotonic() > deadline:
                raise AutionalError(
                    f"{event.type} {event.id} was not applied by {', '.join(waiting)} within {timeout_s:g} s",
                    hint=f"autional logs {waiting[0]}",
                    exit_code=ExitCode.WAIT_TIMED_OUT,
                )
            await asyncio.sleep(LOOK_AGAIN_S if waiting else 0)

    async def _is_done(self, kind: str, entry: str, group: str) -> bool:
        groups = {each["name"].decode(): each for each in await self._redis.xinfo_groups(stream(kind))}
        if group not in groups or position(groups[group]["last-delivered-id"].decode()) < position(entry):
            return False
        return not await self._redis.xpending_range(stream(kind), group, entry, entry, 1)

    async def _refuse_dead(self, event: Event, name: str) -> None:
        for _, fields in await self._redis.xrange(dead_stream(name), min=f"({self._since}", max="+"):
            if str(event.id).encode() in fields.get(FIELD, b""):
                raise AutionalError(
                    f"{name} gave up {event.type} {event.id}: {fields.get(b'error', b'').decode(errors='replace')}",
                    hint=f"autional logs {name}",
                    exit_code=ExitCode.SERVICE_FAILED,
                )


def matches(event: Event, where: Where) -> bool:
    """Whether an event is one of those meant."""
    if where is None:
        return True
    if callable(where):
        return bool(where(event))
    known = {"subject": event.subject, **event.data}
    return all(name in known and known[name] == value for name, value in where.items())


def described(where: Where) -> str:
    """Return a condition as text."""
    if where is None:
        return ""
    return f" with {dict(where)}" if isinstance(where, Mapping) else " that satisfies the condition"
