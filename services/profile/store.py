"""All SQL of profile. Nothing here commits; the unit of work does."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import delete, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.chassis.clock import utcnow
from services.profile.models import Profile


async def find(session: AsyncSession, user_id: UUID) -> Profile | None:
    """Return a user's profile."""
    return await session.get(Profile, user_id)


async def add(session: AsyncSession, user_id: UUID, display_name: str) -> None:
    """Create a profile unless there is one."""
    await session.execute(insert(Profile).values(user_id=user_id, display_name=display_name).on_conflict_do_nothing())


async def change(session: AsyncSession, user_id: UUID, values: dict[str, Any], version: int | None) -> Profile | None:
    """Change a profile and return it; None if there is none, or none of that version."""
    statement = (
        update(Profile)
        .where(Profile.user_id == user_id)
        .values(**values, version=Profile.version + 1, updated_at=utcnow())
        .returning(Profile)
    )
    if version is not None:
        statement = statement.where(Profile.version == version)
    return (await session.execute(statement)).scalar_one_or_none()


async def remove(session: AsyncSession, user_id: UUID) -> None:
    """Remove a user's profile."""
    await session.execute(delete(Profile).where(Profile.user_id == user_id))
