"""Dead letters: what a service gave up after its last attempt; looked at, tried again, or thrown away.

A replay goes to the service that gave the event up and to nobody else: the others have applied it long ago. Their
groups see the entry and acknowledge it (`services/chassis/bus.py`). Whoever has an event applied already ignores it.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from autional_cli.errors import AutionalError
from autional_cli.events.bus import position
from services.chassis.events import FIELD, ONLY, Event, dead_stream, stream

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

PAGE = 500
LOOK_AGAIN_S = 0.05
DIGITS = 10  # of a number of attempts


class Outcome(StrEnum):
    """What became of a replay."""

    APPLIED = "applied"
    DEAD = "dead again"
    WAITING = "waiting"


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What `service` gave up after `attempts` deliveries. `event` is None for what was no event at all."""

    service: str
    entry: str
    origin: str  # the entry of `stream` that failed
    error: str
    attempts: int
    event: Event | None
    raw: bytes

    @property
    def name(self) -> str:
        """What a person calls it: `audit/1795000000000-0`."""
        return f"{self.service}/{self.entry}"

    @property
    def stream(self) -> str:
        """Where its event was, and goes to again: that of its type. What the letter itself says counts for nothing."""
        return stream(self.event.type) if self.event else ""

    @property
    def buried_at(self) -> float:
        """When it was given up, in seconds since the epoch."""
        return position(self.entry)[0] / 1000

    def is_meant_by(self, text: str) -> bool:
        """Whether a person means it: its name, or its event's id, or the beginning of either."""
        return self.name.startswith(text) or bool(self.event and str(self.event.id).startswith(text))

    def to_json(self) -> dict[str, Any]:
        """Return it for `--format json`."""
        event = self.event
        return {
            "letter": self.name,
            "service": self.service,
            "buried_at": self.buried_at,
            "stream": self.stream or None,
            "attempts": self.attempts,
            "error": self.error,
            "event_id": str(event.id) if event else None,
            "type": event.type if event else None,
            "subject": event.subject if event else None,
            "trace_id": event.trace_id if event else None,
            "data": event.data if event else None,
        }


class Letters:
    """The dead letters of some services."""

    def __init__(self, bus: Any, services: Iterable[str]) -> None:
        self._bus = bus
        self._services = tuple(services)

    async def all(self) -> list[Letter]:
        """Return them, oldest first."""
        found: list[Letter] = []
        for service in self._services:
            start = "-"
            while page := await self._bus.xrange(dead_stream(service), min=start, count=PAGE):
                found += [letter(service, entry.decode(), fields) for entry, fields in page]
                start = f"({page[-1][0].decode()}"
        return sorted(found, key=lambda each: position(each.entry))

    async def chosen(self, texts: Sequence[str]) -> list[Letter]:
        """Return those that a person means, all without a text. AutionalError for one that means none, or several."""
        known, found = await self.all(), []
        if not texts:
            return known
        for text in texts:
            candidates = [each for each in known if each.is_meant_by(text)]
            if len(candidates) != 1:
                several = ", ".join(each.name for each in candidates[:5])
                problem = f"{text!r} may be any of {several}" if candidates else f"there is no dead letter {text!r}"
                raise AutionalError(problem, hint="autional events dlq list")
            found.append(candidates[0])
        return found

    async def replay(self, letter: Letter) -> str:
        """Deliver it once more; the letter is gone in the same moment. Returns its new entry in the stream."""
        fields = {FIELD: letter.raw, ONLY: letter.service.encode()}
        async with self._bus.pipeline(transaction=True) as both:
            both.xadd(letter.stream, fields)
            both.xdel(dead_stream(letter.service), letter.entry)
            entry, _ = await both.execute()
        return str(entry.decode())

    async def outcome(self, letter: Letter, entry: str, until: float) -> tuple[Outcome, str]:
        """Return what became of a replay, and why; WAITING at `until` (of the monotonic clock)."""
        while True:
            for _, fields in await self._bus.xrange(dead_stream(letter.service), min=f"({letter.entry}"):
                if fields.get(b"entry") == entry.encode():
                    return Outcome.DEAD, text(fields, b"error")
            if await self._is_done(letter, entry):
                return Outcome.APPLIED, ""
            if time.monotonic() >= until:
                return Outcome.WAITING, ""
            await asyncio.sleep(LOOK_AGAIN_S)

    async def _is_done(self, letter: Letter, entry: str) -> bool:
        groups = {group["name"].decode(): group for group in await self._bus.xinfo_groups(letter.stream)}
        group = groups.get(letter.service)
        if group is None or position(group["last-delivered-id"].decode()) < position(entry):
            return False
        return not await self._bus.xpending_range(letter.stream, letter.service, entry, entry, 1)

    async def drop(self, letter: Letter) -> None:
        """Throw it away."""
        await self._bus.xdel(dead_stream(letter.service), letter.entry)


def letter(service: str, entry: str, fields: Mapping[bytes, bytes]) -> Letter:
    """Return an entry of a dead-letter stream."""
    raw = fields.get(FIELD, b"")
    try:
        event = Event.of(fields)
    except ValueError:
        event = None
    return Letter(
        service=service,
        entry=entry,
        origin=text(fields, b"entry"),
        error=text(fields, b"error"),
        attempts=number(fields, b"attempts"),
        event=event,
        raw=raw,
    )


def number(fields: Mapping[bytes, bytes], name: bytes) -> int:
    """Return a field as a number; 0 for anything that is none."""
    value = fields.get(name, b"")
    return int(value) if value.isdigit() and len(value) < DIGITS else 0


def text(fields: Mapping[bytes, bytes], name: bytes) -> str:
    """Return a field as text; empty when it is not there."""
    return fields.get(name, b"").decode(errors="replace")
