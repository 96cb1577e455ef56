"""A dead letter: what a service gave up, where it came from and why. Its own fields are never those of the entry."""

from __future__ import annotations

from collections.abc import Mapping

from services.chassis.events import FIELD, Event, stream

KEPT = 100_000  # letters of a service
_FIELDS, _BYTES = 16, 16_384  # of what is no event
_REASON = 1000  # characters


def letter(name: bytes, entry_id: bytes, fields: Mapping[bytes, bytes], why: str, attempts: int) -> dict[bytes, bytes]:
    """Return the letter for an entry of the stream `name`: an event whole, anything else bounded and under `given.`."""
    kept = {FIELD: fields[FIELD]} if is_event(fields) else foreign(fields)
    ours = {b"stream": name, b"entry": entry_id, b"error": why[:_REASON].encode(errors="replace")}
    return {**kept, **ours, b"attempts": str(attempts).encode()}


def event_of(name: bytes, fields: Mapping[bytes, bytes]) -> Event:
    """Return the event of an entry of the stream `name`. Raises `ValueError` if it is none, or of another stream."""
    event = Event.of(fields)
    if stream(event.type).encode() != name:
        raise ValueError(f"of type {event.type!r}, which this stream does not carry")
    return event


def is_event(fields: Mapping[bytes, bytes]) -> bool:
    """Whether an entry holds an event."""
    try:
        Event.of(fields)
    except ValueError:
        return False
    return True


def foreign(fields: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """Return what an entry that is no event holds, bounded; each name of its own, so that none of ours is meant."""
    kept = list(fields.items())[:_FIELDS]
    return {(FIELD if key == FIELD else b"given." + key[:100]): value[:_BYTES] for key, value in kept}
