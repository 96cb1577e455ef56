"""What was published, in order of time over all types, and what comes after."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from autional_cli.errors import AutionalError
from autional_cli.events.bus import position
from autional_cli.workspace.source import suggest
from services.chassis.events import ONLY, Event, stream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping, Sequence

    from services.chassis.spec import ServiceSpec

PAGE = 500
BLOCK_MS = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One entry of a stream. `only`: it is a replay for that service alone."""

    entry: str
    event: Event
    only: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return it for `--format json`."""
        event = self.event
        return {
            "entry": self.entry,
            "id": str(event.id),
            "type": event.type,
            "source": event.source,
            "subject": event.subject,
            "time": event.time.isoformat(),
            "sequence": event.sequence,
            "trace_id": self.event.trace_id,
            "only": self.only or None,
            "data": event.data,
        }


def chosen_types(specs: Mapping[str, ServiceSpec], patterns: Sequence[str]) -> list[str]:
    """Return the event types that match (`user.*`), all without a pattern. AutionalError for one that matches none."""
    kinds = sorted({kind for spec in specs.values() for kind in (*spec.publishes, *spec.consumes)})
    for pattern in patterns:
        if not any(fnmatchcase(kind, pattern) for kind in kinds):
            raise AutionalError(
                f"no event type is called {pattern!r}{suggest(pattern, kinds)}", hint=f"there are: {', '.join(kinds)}"
            )
    return [kind for kind in kinds if not patterns or any(fnmatchcase(kind, pattern) for pattern in patterns)]


async def history(bus: Any, kinds: Iterable[str], *, newest: int | None, since_ms: int, trace: str) -> list[Seen]:
    """Return what was published since then, of a trace (or its beginning) if one is given: the `newest`, or all."""
    found: list[Seen] = []
    for kind in kinds:
        found += await _newest(bus, stream(kind), newest, since_ms, trace)
    found.sort(key=lambda seen: position(seen.entry))
    return found[max(0, len(found) - newest) :] if newest is not None else found


async def _newest(bus: Any, name: str, newest: int | None, since_ms: int, trace: str) -> list[Seen]:
    found: list[Seen] = []
    upper = "+"
    while newest is None or len(found) < newest:
        page = await bus.xrevrange(name, max=upper, min=str(since_ms), count=PAGE)
        found += [
            seen for entry, fields in page if (seen := read(entry, fields)) and seen.event.trace_id.startswith(trace)
        ]
        if len(page) < PAGE:
            break
        upper = f"({page[-1][0].decode()}"
    return found


async def ends(bus: Any, kinds: Iterable[str]) -> dict[str, str]:
    """Return where each stream ends now, as `follow` wants it."""
    now: dict[str, str] = {}
    for kind in kinds:
        last = await bus.xrevrange(stream(kind), count=1)
        now[stream(kind)] = last[0][0].decode() if last else "0-0"
    return now


async def follow(bus: Any, after: dict[str, str], trace: str) -> AsyncIterator[Seen]:
    """Yield what is published from `after` (stream → entry) on, for ever."""
    while True:
        for name, entries in await bus.xread(after, count=PAGE, block=BLOCK_MS) or ():
            after[name.decode()] = entries[-1][0].decode()
            for entry, fields in entries:
                seen = read(entry, fields)
                if seen and seen.event.trace_id.startswith(trace):
                    yield seen


def read(entry: bytes, fields: Mapping[bytes, bytes]) -> Seen | None:
    """Return an entry; None for what is no event."""
    try:
        event = Event.of(fields)
    except ValueError:
        return None
    return Seen(entry=entry.decode(), event=event, only=fields.get(ONLY, b"").decode(errors="replace"))
