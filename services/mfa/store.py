"""All SQL of mfa. Nothing here commits; the unit of work does."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from sqlalchemy import case, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.chassis.clock import utcnow
from services.mfa.domain import FAILURE_WINDOW
from services.mfa.models import Failures, RecoveryCode, TotpCredential


async def totp(session: AsyncSession, user_id: UUID) -> TotpCredential | None:
    """Return the user's TOTP credential, confirmed or not."""
    return await session.get(TotpCredential, user_id)


async def put_totp(session: AsyncSession, user_id: UUID, sealed: bytes) -> bool:
    """Store an unconfirmed credential in place of an earlier unconfirmed one; false if one is confirmed."""
    statement = insert(TotpCredential).values(user_id=user_id, secret=sealed)
    stored = await session.execute(
        statement.on_conflict_do_update(
            index_elements=[TotpCredential.user_id],
            set_={"secret": statement.excluded.secret, "last_step": 0, "created_at": utcnow()},
            where=TotpCredential.confirmed_at.is_(None),
        ).returning(TotpCredential.user_id)
    )
    return stored.first() is not None


async def accept_step(session: AsyncSession, user_id: UUID, step: int) -> bool:
    """Accept a time step if it is later than the last accepted one: atomic, so a code works once."""
    taken = await session.execute(
        update(TotpCredential)
        .where(TotpCredential.user_id == user_id, TotpCredential.last_step < step)
        .values(last_step=step, confirmed_at=func.coalesce(TotpCredential.confirmed_at, utcnow()))
        .returning(TotpCredential.user_id)
    )
    return taken.first() is not None


async def remove_factors(session: AsyncSession, user_id: UUID) -> bool:
    """Remove everything of a user; false if there was no credential."""
    gone = await session.execute(
        delete(TotpCredential).where(TotpCredential.user_id == user_id).returning(TotpCredential.user_id)
    )
    await session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
    await session.execute(delete(Failures).where(Failures.user_id == user_id))
    return gone.first() is not None


async def replace_recovery_codes(session: AsyncSession, user_id: UUID, hashes: Iterable[bytes]) -> None:
    """Put new recovery codes in place of the old."""
    await session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
    session.add_all(RecoveryCode(user_id=user_id, code_hash=value) for value in hashes)


async def use_recovery_code(session: AsyncSession, user_id: UUID, code_hash: bytes) -> bool:
    """Take a recovery code out of use; false if it is none."""
    used = await session.execute(
        delete(RecoveryCode)
        .where(RecoveryCode.user_id == user_id, RecoveryCode.code_hash == code_hash)
        .returning(RecoveryCode.user_id)
    )
    return used.first() is not None


async def recovery_codes_left(session: AsyncSession, user_id: UUID) -> int:
    """Return how many recovery codes a user still has."""
    count = await session.scalar(select(func.count()).select_from(RecoveryCode).where(RecoveryCode.user_id == user_id))
    return int(count or 0)


async def count_attempt(session: AsyncSession, user_id: UUID, now: datetime) -> int:
    """Count an attempt and return how many there were in this window; a new window begins when the old is over."""
    statement = insert(Failures).values(user_id=user_id, count=1, since=now)
    expired = Failures.since < now - FAILURE_WINDOW
    counted = await session.execute(
        statement.on_conflict_do_update(
            index_elements=[Failures.user_id],
            set_={
                "count": case((expired, 1), else_=Failures.count + 1),
                "since": case((expired, now), else_=Failures.since),
            },
        ).returning(Failures.count)
    )
    return int(counted.scalar_one())


async def clear_attempts(session: AsyncSession, user_id: UUID) -> None:
    """Forget the attempts, after a right code."""
    await session.execute(delete(Failures).where(Failures.user_id == user_id))
