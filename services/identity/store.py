"""All SQL of identity. Nothing here commits; the unit of work does."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.chassis.clock import utcnow
from services.chassis.models import table
from services.identity.domain import Purpose
from services.identity.models import EmailToken, User


class Credentials(NamedTuple):
    """What a sign-in needs of a user."""

    id: UUID
    password_hash: str
    verified_at: datetime | None


_USERS = table(User)
_BY_EMAIL = select(_USERS.c.id, _USERS.c.password_hash, _USERS.c.verified_at).where(
    _USERS.c.email == bindparam("address")
)


async def find_by_email(session: AsyncSession, email: str) -> Credentials | None:
    """Return what a sign-in needs of the user with this normalised address."""
    row = (await session.execute(_BY_EMAIL, {"address": email})).first()
    return None if row is None else Credentials(*row)


async def find(session: AsyncSession, user_id: UUID) -> User | None:
    """Return the user with this id."""
    return await session.get(User, user_id)


async def add_user(session: AsyncSession, user_id: UUID, email: str, password_hash: str) -> bool:
    """Add a user; false if the address is taken."""
    added = await session.execute(
        insert(User)
        .values(id=user_id, email=email, password_hash=password_hash)
        .on_conflict_do_nothing(index_elements=[User.email])
        .returning(User.id)
    )
    return added.first() is not None


async def touch(session: AsyncSession, email: str) -> None:
    """Write the row of a user as it is."""
    await session.execute(update(User).where(User.email == email).values(email=User.email))


async def mark_verified(session: AsyncSession, user_id: UUID) -> bool:
    """Mark the address as verified; false if it already was."""
    changed = await session.execute(
        update(User)
        .where(User.id == user_id, User.verified_at.is_(None))
        .values(verified_at=utcnow())
        .returning(User.id)
    )
    return changed.first() is not None


async def set_password(session: AsyncSession, user_id: UUID, password_hash: str) -> None:
    """Replace the password."""
    await session.execute(
        update(User).where(User.id == user_id).values(password_hash=password_hash, password_changed_at=utcnow())
    )


async def replace_hash(session: AsyncSession, user_id: UUID, old_hash: str, new_hash: str) -> None:
    """Store the same password hashed with today's parameters, unless it was changed meanwhile."""
    await session.execute(
        update(User).where(User.id == user_id, User.password_hash == old_hash).values(password_hash=new_hash)
    )


async def delete_user(session: AsyncSession, user_id: UUID) -> bool:
    """Delete a user and their tokens; false if there is none."""
    gone = await session.execute(delete(User).where(User.id == user_id).returning(User.id))
    return gone.first() is not None


async def add_token(
    session: AsyncSession, token_hash: bytes, user_id: UUID, purpose: Purpose, expires_at: datetime
) -> None:
    """Remember a token that is about to be sent.

    Earlier ones stay valid, because a mail that was sent twice must not leave a dead link; expired ones are removed.
    """
    await session.execute(delete(EmailToken).where(EmailToken.user_id == user_id, EmailToken.expires_at <= utcnow()))
    session.add(EmailToken(token_hash=token_hash, user_id=user_id, purpose=purpose, expires_at=expires_at))


async def is_usable(session: AsyncSession, token_hash: bytes, purpose: Purpose) -> bool:
    """Return whether a token is known, unused and not expired."""
    found = select(EmailToken.user_id).where(
        EmailToken.token_hash == token_hash, EmailToken.purpose == purpose, EmailToken.expires_at > utcnow()
    )
    return (await session.execute(found)).first() is not None


async def use_token(session: AsyncSession, token_hash: bytes, purpose: Purpose) -> UUID | None:
    """Take a token out of use, and with it all others of that user and purpose; return whose it was.

    None if it is unknown, used or expired.
    """
    used = await session.execute(
        delete(EmailToken)
        .where(EmailToken.token_hash == token_hash, EmailToken.purpose == purpose, EmailToken.expires_at > utcnow())
        .returning(EmailToken.user_id)
    )
    user_id = used.scalar()
    if user_id is not None:
        await session.execute(delete(EmailToken).where(EmailToken.user_id == user_id, EmailToken.purpose == purpose))
    return user_id
