"""The HTTP routes of notification: parse, call, return."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request

from services.chassis.access import User
from services.chassis.dto import Envelope, Page, encode_cursor, ok, uuid_cursor
from services.notification.dto import MessageOut, PreferencesIn, PreferencesOut
from services.notification.inbox import Messages
from services.notification.models import Message
from services.notification.templates import KINDS

router = APIRouter(prefix="/v1", tags=["notification"])


async def _messages(request: Request) -> Messages:
    messages: Messages = request.app.state.messages
    return messages


MessagesDep = Annotated[Messages, Depends(_messages)]


@router.get("/messages")
async def list_messages(
    user: User,
    messages: MessagesDep,
    cursor: Annotated[str, Query(max_length=100)] = "",
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> Envelope[Page[MessageOut]]:
    """Return the signed-in user's messages, newest first."""
    rows = await messages.list(user.user_id, uuid_cursor(cursor), limit + 1)
    next_cursor = encode_cursor(rows[limit - 1].id.hex) if len(rows) > limit else ""
    return ok(Page(items=[_out(row) for row in rows[:limit]], next_cursor=next_cursor))


@router.post("/messages/{message_id}/read")
async def read_message(message_id: UUID, user: User, messages: MessagesDep) -> Envelope[None]:
    """Mark a message as read."""
    await messages.mark_read(user.user_id, message_id)
    return ok(None, "read")


@router.get("/preferences")
async def get_preferences(user: User, messages: MessagesDep) -> Envelope[PreferencesOut]:
    """Return the kinds of e-mail that are not wanted."""
    return ok(_preferences(await messages.muted(user.user_id)))


@router.put("/preferences")
async def set_preferences(body: PreferencesIn, user: User, messages: MessagesDep) -> Envelope[PreferencesOut]:
    """Replace the kinds of e-mail that are not wanted."""
    wanted = set(body.muted)
    await messages.mute(user.user_id, wanted)
    return ok(_preferences(wanted))


def _preferences(muted: set[str]) -> PreferencesOut:
    return PreferencesOut(muted=sorted(muted), can_mute=sorted(kind for kind, text in KINDS.items() if text.can_mute))


def _out(row: Message) -> MessageOut:
    return MessageOut(
        message_id=row.id,
        kind=row.kind,
        title=row.title,
        text=row.text,
        created_at=row.created_at,
        read=row.read_at is not None,
    )
