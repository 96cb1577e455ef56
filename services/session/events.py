"""What session publishes."""

from __future__ import annotations

from uuid import UUID

from services.chassis.db import UnitOfWork


def session_created(unit: UnitOfWork, session_id: UUID, user_id: UUID, methods: list[str]) -> None:
    """A session became active."""
    unit.publish("session.created", session_id, _ids(session_id, user_id) | {"amr": methods})


def session_revoked(unit: UnitOfWork, session_id: UUID, user_id: UUID, reason: str) -> None:
    """A session ended before its time."""
    unit.publish("session.revoked", session_id, _ids(session_id, user_id) | {"reason": reason})


def session_reuse_detected(unit: UnitOfWork, session_id: UUID, user_id: UUID) -> None:
    """An authentic refresh token of the past was presented: it was copied."""
    unit.publish("session.reuse_detected", session_id, _ids(session_id, user_id))


def _ids(session_id: UUID, user_id: UUID) -> dict[str, object]:
    return {"session_id": str(session_id), "user_id": str(user_id)}
