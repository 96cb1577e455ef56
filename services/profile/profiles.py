"""Profiles: read and change."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from services.chassis.db import Database
from services.chassis.errors import ServiceError
from services.profile import store
from services.profile.errors import PROFILE_CHANGED, PROFILE_NOT_FOUND
from services.profile.models import Profile


class Profiles:
    """The profiles of all users."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def get(self, user_id: UUID) -> Profile:
        """Return a profile. Raises `PROFILE_NOT_FOUND` while the event that creates it is on its way."""
        async with self._db.reading() as session:
            profile = await store.find(session, user_id)
        if profile is None:
            raise ServiceError(PROFILE_NOT_FOUND)
        return profile

    async def change(self, user_id: UUID, values: dict[str, Any], version: int | None) -> Profile:
        """Change a profile and return it. Raises `PROFILE_NOT_FOUND`, `PROFILE_CHANGED`."""
        async with self._db.transaction() as unit:
            changed = await store.change(unit.session, user_id, values, version)
            if changed is not None:
                return changed
            known = await store.find(unit.session, user_id)
        raise ServiceError(PROFILE_NOT_FOUND if known is None else PROFILE_CHANGED)
