"""All SQL of session. Nothing here commits; the unit of work does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.chassis.clock import utcnow
from services.chassis.models import table
from services.session.domain import MAX_MFA_ATTEMPTS, SESSION_LIFETIME, Status
from services.session.models import Session, SigningKey


async def find(session: AsyncSession, session_id: UUID) -> Session | None:
    """Return a session whatever its state."""
    return await session.get(Session, session_id)


_ADD = insert(table(Session))


async def add(session: AsyncSession, new: Mapping[str, object]) -> None:
    """Add a session; `new` is its columns."""
    await session.execute(_ADD, new)


async def take_attempt(session: AsyncSession, session_id: UUID) -> UUID | None:
    """Count an attempt at a pending session and return its user; None if it is over or has no attempt left."""
    row = await session.execute(
        update(Session)
        .where(
            Session.id == session_id,
            Session.status == Status.PENDING,
            Session.expires_at > utcnow(),
            Session.mfa_attempts < MAX_MFA_ATTEMPTS,
        )
        .values(mfa_attempts=Session.mfa_attempts + 1)
        .returning(Session.user_id)
    )
    return row.scalar()


async def activate(session: AsyncSession, session_id: UUID, amr: list[str]) -> UUID | None:
    """Make a pending session active and return its user; None if it is not pending any more."""
    row = await session.execute(
        update(Session)
        .where(Session.id == session_id, Session.status == Status.PENDING, Session.expires_at > utcnow())
        .values(status=Status.ACTIVE, amr=amr, expires_at=utcnow() + SESSION_LIFETIME)
        .returning(Session.user_id)
    )
    return row.scalar()


async def rotate(session: AsyncSession, session_id: UUID, generation: int) -> Row[UUID, list[str]] | None:
    """Step to the next generation if `generation` is the valid one: one statement, so only one caller can win."""
    now = utcnow()
    row = await session.execute(
        update(Session)
        .where(
            Session.id == session_id,
            Session.generation == generation,
            Session.status == Status.ACTIVE,
            Session.expires_at > now,
        )
        .values(generation=generation + 1, rotated_at=now)
        .returning(Session.user_id, Session.amr)
    )
    return row.first()


async def end(session: AsyncSession, session_id: UUID, user_id: UUID, reason: str) -> bool:
    """End one session of a user; false if there is none that has not ended."""
    ended = await session.execute(
        update(Session)
        .where(Session.id == session_id, Session.user_id == user_id, Session.status != Status.ENDED)
        .values(status=Status.ENDED, ended_at=utcnow(), end_reason=reason)
        .returning(Session.id)
    )
    return ended.first() is not None


async def end_all(session: AsyncSession, user_id: UUID, keep: UUID | None, reason: str) -> Sequence[UUID]:
    """End all sessions of a user except `keep`; return which."""
    statement = (
        update(Session)
        .where(Session.user_id == user_id, Session.status != Status.ENDED)
        .values(status=Status.ENDED, ended_at=utcnow(), end_reason=reason)
        .returning(Session.id)
    )
    if keep is not None:
        statement = statement.where(Session.id != keep)
    return (await session.execute(statement)).scalars().all()


async def active_of(session: AsyncSession, user_id: UUID, after: UUID | None, limit: int) -> Sequence[Session]:
    """Return active sessions of a user, newest first (ids sort by time), older than `after`."""
    statement = (
        select(Session)
        .where(Session.user_id == user_id, Session.status == Status.ACTIVE, Session.expires_at > utcnow())
        .order_by(Session.id.desc())
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(Session.id < after)
    return (await session.scalars(statement)).all()


async def signing_keys(session: AsyncSession) -> Sequence[SigningKey]:
    """Return all keys, oldest first."""
    return (await session.scalars(select(SigningKey).order_by(SigningKey.created_at, SigningKey.kid))).all()


async def add_key(session: AsyncSession, kid: str, sealed: bytes) -> None:
    """Add a key."""
    session.add(SigningKey(kid=kid, private_key=sealed))
    await session.flush()


async def forget_keys(session: AsyncSession, before: datetime) -> None:
    """Delete keys that nothing valid was signed with."""
    await session.execute(delete(SigningKey).where(SigningKey.created_at < before))
