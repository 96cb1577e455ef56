"""The wire types of audit."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import JsonValue

from services.chassis.dto import Dto


class RecordOut(Dto):
    """One record of the trail."""

    event_id: UUID
    seq: int
    type: str
    subject: str
    time: datetime
    data: dict[str, JsonValue]  # as the event's publisher made it
    trace_id: str
    hash: str


class VerificationOut(Dto):
    """How many records fit the chain, and the first that does not, if there is one."""

    checked: int
    intact: bool
    first_broken_seq: int | None
