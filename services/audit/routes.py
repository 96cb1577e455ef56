"""The HTTP routes of audit: parse, call, return."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse

from services.audit.domain import Record
from services.audit.dto import RecordOut, VerificationOut
from services.audit.trail import Trail
from services.chassis.access import Peer, User
from services.chassis.dto import Envelope, Instant, Page, decode_cursor, encode_cursor, ok
from services.chassis.errors import BAD_CURSOR, ServiceError

router = APIRouter(prefix="/v1", tags=["audit"])


async def _trail(request: Request) -> Trail:
    trail: Trail = request.app.state.trail
    return trail


TrailDep = Annotated[Trail, Depends(_trail)]


@router.get("/events")
async def list_events(
    user: User,
    trail: TrailDep,
    kind: Annotated[str | None, Query(alias="type", max_length=64)] = None,
    since: Instant | None = None,
    until: Instant | None = None,
    cursor: Annotated[str, Query(max_length=64)] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Envelope[Page[RecordOut]]:
    """Return what happened to the signed-in user's account, newest first."""
    before = _position(cursor)
    records = await trail.query(user.user_id, kind=kind, since=since, until=until, before=before, limit=limit + 1)
    next_cursor = encode_cursor(records[limit - 1]["seq"]) if len(records) > limit else ""
    return ok(Page(items=[_out(record) for record in records[:limit]], next_cursor=next_cursor))


@router.get("/events/{event_id}")
async def get_event(event_id: UUID, user: User, trail: TrailDep) -> Envelope[RecordOut]:
    """Return one record."""
    return ok(_out(await trail.get(user.user_id, event_id)))


@router.get("/export", response_class=StreamingResponse, responses={200: {"content": {"application/x-ndjson": {}}}})
async def export_events(user: User, trail: TrailDep) -> StreamingResponse:
    """Return the signed-in user's whole trail as NDJSON, oldest first."""

    async def lines() -> AsyncIterator[bytes]:
        async for record in trail.export(user.user_id):
            yield _out(record).model_dump_json().encode() + b"\n"

    return StreamingResponse(lines(), media_type="application/x-ndjson")


@router.get("/internal/verification")
async def verify_chain(_caller: Peer, trail: TrailDep) -> Envelope[VerificationOut]:
    """Walk the whole chain and say whether it is intact."""
    checked, broken = await trail.verify()
    return ok(VerificationOut(checked=checked, intact=broken is None, first_broken_seq=broken))


def _position(cursor: str) -> int | None:
    if not cursor:
        return None
    position = decode_cursor(cursor, 1)[0]
    if not isinstance(position, int):
        raise ServiceError(BAD_CURSOR)
    return position


def _out(record: Record) -> RecordOut:
    return RecordOut(
        event_id=UUID(record["_id"]),
        seq=record["seq"],
        type=record["type"],
        subject=record["subject"],
        time=record["time"],
        data=record["data"],
        trace_id=record["trace_id"],
        hash=record["hash"],
    )
