"""All SQL of notification. Nothing here commits; the unit of work does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Result, Row, bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.chassis.clock import new_id, utcnow
from services.chassis.models import table
from services.chassis.tracing import traceparent
from services.notification.models import Delivery, Message, Muted, Recipient

CHANNEL = "deliveries"

_DELIVERIES, _MUTED = table(Delivery), table(Muted)
_ADD_DELIVERY, _ADD_MESSAGE = insert(_DELIVERIES), insert(table(Message))
_NEXT_DUE = select(func.min(_DELIVERIES.c.next_attempt_at)).where(_DELIVERIES.c.status == "pending")
_MUTED_KINDS = select(_MUTED.c.kind).where(_MUTED.c.user_id == bindparam("user"))


async def put_recipient(session: AsyncSession, user_id: UUID, email: str) -> None:
    """Remember where a user gets mail."""
    statement = insert(Recipient).values(user_id=user_id, email=email)
    await session.execute(
        statement.on_conflict_do_update(index_elements=[Recipient.user_id], set_={"email": statement.excluded.email})
    )


async def addresses(session: AsyncSession, user_ids: Iterable[UUID]) -> dict[UUID, str]:
    """Return where users get mail; an unknown one is left out."""
    rows = await session.execute(select(Recipient.user_id, Recipient.email).where(Recipient.user_id.in_(user_ids)))
    return {row.user_id: row.email for row in rows}


async def add_delivery(session: AsyncSession, user_id: UUID, kind: str, data: dict[str, Any]) -> None:
    """Have an e-mail sent once this unit commits (a trigger wakes the sender), as part of the trace in scope."""
    new = {"id": new_id(), "user_id": user_id, "kind": kind, "data": data, "traceparent": traceparent()}
    await session.execute(_ADD_DELIVERY, new)


async def lease_due(session: AsyncSession, limit: int, lease: timedelta) -> Sequence[Row[Any]]:
    """Take deliveries that are due; nobody else gets them before the lease is over."""
    due = (
        select(_DELIVERIES.c.id)
        .where(_DELIVERIES.c.status == "pending", _DELIVERIES.c.next_attempt_at <= utcnow())
        .order_by(_DELIVERIES.c.next_attempt_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    leased: Result[Any] = await session.execute(
        update(_DELIVERIES)
        .where(_DELIVERIES.c.id.in_(due.scalar_subquery()))
        .values(attempts=_DELIVERIES.c.attempts + 1, next_attempt_at=utcnow() + lease)
        .returning(_DELIVERIES)
    )
    return leased.all()


async def next_due(session: AsyncSession) -> datetime | None:
    """Return when the next delivery is due."""
    due: datetime | None = await session.scalar(_NEXT_DUE)
    return due


async def mark_sent(session: AsyncSession, delivery_id: UUID) -> None:
    """Note that a delivery is done."""
    await session.execute(
        update(_DELIVERIES)
        .where(_DELIVERIES.c.id == delivery_id)
        .values(status="sent", sent_at=utcnow(), last_error=None)
    )


async def mark_failed(session: AsyncSession, delivery_id: UUID, error: str) -> None:
    """Give up on a delivery."""
    await session.execute(
        update(Delivery).where(Delivery.id == delivery_id).values(status="failed", last_error=error[:500])
    )


async def put_off(session: AsyncSession, delivery_id: UUID, until: datetime, error: str) -> None:
    """Plan the next attempt."""
    await session.execute(
        update(Delivery).where(Delivery.id == delivery_id).values(next_attempt_at=until, last_error=error[:500])
    )


async def add_message(session: AsyncSession, user_id: UUID, kind: str, title: str, text: str) -> None:
    """Add an in-app message."""
    new = {"id": new_id(), "user_id": user_id, "kind": kind, "title": title, "text": text}
    await session.execute(_ADD_MESSAGE, new)


async def messages(session: AsyncSession, user_id: UUID, before: UUID | None, limit: int) -> Sequence[Message]:
    """Return a user's messages, newest first, older than `before`."""
    statement = select(Message).where(Message.user_id == user_id).order_by(Message.id.desc()).limit(limit)
    if before is not None:
        statement = statement.where(Message.id < before)
    return (await session.scalars(statement)).all()


async def mark_read(session: AsyncSession, user_id: UUID, message_id: UUID) -> bool:
    """Mark a message as read; false if there is none."""
    changed = await session.execute(
        update(Message)
        .where(Message.id == message_id, Message.user_id == user_id)
        .values(read_at=func.coalesce(Message.read_at, utcnow()))
        .returning(Message.id)
    )
    return changed.first() is not None


async def muted(session: AsyncSession, user_id: UUID) -> set[str]:
    """Return the kinds a user does not want as e-mail."""
    return set((await session.scalars(_MUTED_KINDS, {"user": user_id})).all())


async def set_muted(session: AsyncSession, user_id: UUID, kinds: set[str]) -> None:
    """Replace the kinds a user does not want."""
    await session.execute(delete(Muted).where(Muted.user_id == user_id))
    session.add_all(Muted(user_id=user_id, kind=kind) for kind in kinds)


async def forget_user(session: AsyncSession, user_id: UUID) -> None:
    """Remove everything about a user."""
    for model in (Recipient, Delivery, Message, Muted):
        await session.execute(delete(model).where(model.user_id == user_id))
