"""The hash chain: no I/O.

Each record carries its place in the chain and the SHA-256 of the previous hash and its own content, so a record
that was changed, removed or put in between no longer fits.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from services.chassis.clock import utcnow
from services.chassis.events import Event

GENESIS = "0" * 64
_HASHED = ("_id", "seq", "type", "source", "subject", "actor", "time", "data", "trace_id")

Record = dict[str, Any]


def chain(events: Iterable[Event], seq: int, last_hash: str) -> list[Record]:
    """Return records for `events` that continue the chain after record `seq` with hash `last_hash`."""
    records: list[Record] = []
    for event in events:
        seq += 1
        record: Record = {
            "_id": str(event.id),
            "seq": seq,
            "type": event.type,
            "source": event.source,
            "subject": event.subject,
            "actor": str(event.data.get("user_id", "")),
            "time": event.time.replace(microsecond=event.time.microsecond // 1000 * 1000),  # BSON keeps milliseconds
            "data": event.data,
            "trace_id": event.trace_id,
            "stored_at": utcnow(),
        }
        record["previous"] = last_hash
        record["hash"] = last_hash = record_hash(record, last_hash)
        records.append(record)
    return records


def record_hash(record: Record, previous: str) -> str:
    """Return the hash of a record that follows one with hash `previous`."""
    content = {key: record[key] for key in _HASHED}
    content["time"] = int(record["time"].timestamp() * 1000)
    return hashlib.sha256(previous.encode() + orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()


def first_break(records: Sequence[Record], seq: int, last_hash: str) -> int | None:
    """Return the `seq` at which `records` stop continuing the chain after `seq`, or None if all fit."""
    for record in records:
        seq += 1
        if record["seq"] != seq or record["previous"] != last_hash or record["hash"] != record_hash(record, last_hash):
            return seq
        last_hash = record["hash"]
    return None
