"""In-app messages and what a user wants to hear."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from services.chassis.db import Database
from services.chassis.errors import ServiceError
from services.notification import store
from services.notification.errors import CANNOT_MUTE, MESSAGE_NOT_FOUND
from services.notification.models import Message
from services.notification.templates import KINDS


class Messages:
    """The in-app messages of all users."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def list(self, user_id: UUID, before: UUID | None, limit: int) -> Sequence[Message]:
        """Return a user's messages, newest first."""
        async with self._db.reading() as session:
            return await store.messages(session, user_id, before, limit)

    async def mark_read(self, user_id: UUID, message_id: UUID) -> None:
        """Mark a message as read. Raises `MESSAGE_NOT_FOUND`."""
        async with self._db.transaction() as unit:
            if not await store.mark_read(unit.session, user_id, message_id):
                raise ServiceError(MESSAGE_NOT_FOUND)

    async def muted(self, user_id: UUID) -> set[str]:
        """Return the kinds of e-mail a user does not want."""
        async with self._db.reading() as session:
            return await store.muted(session, user_id)

    async def mute(self, user_id: UUID, kinds: set[str]) -> None:
        """Replace the kinds of e-mail a user does not want. Raises `CANNOT_MUTE`."""
        refused = sorted(kind for kind in kinds if kind not in KINDS or not KINDS[kind].can_mute)
        if refused:
            raise ServiceError(CANNOT_MUTE, details={"kinds": refused})
        async with self._db.transaction() as unit:
            await store.set_muted(unit.session, user_id, kinds)
