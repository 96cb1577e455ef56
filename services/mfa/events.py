"""What mfa publishes and consumes."""

from __future__ import annotations

from uuid import UUID

from services.chassis.db import UnitOfWork
from services.chassis.events import Event
from services.mfa import store


def mfa_enrolled(unit: UnitOfWork, user_id: UUID, method: str) -> None:
    """A user confirmed a second factor."""
    unit.publish("mfa.enrolled", user_id, {"user_id": str(user_id), "method": method})


def mfa_challenged(unit: UnitOfWork, user_id: UUID, method: str, session_id: str) -> None:
    """A user passed a challenge."""
    unit.publish("mfa.challenged", user_id, {"user_id": str(user_id), "method": method, "session_id": session_id})


def mfa_failed(unit: UnitOfWork, user_id: UUID, method: str) -> None:
    """A wrong code was given."""
    unit.publish("mfa.failed", user_id, {"user_id": str(user_id), "method": method})


async def forget_user(unit: UnitOfWork, event: Event) -> None:
    """On `user.deleted`: remove the user's factors."""
    await store.remove_factors(unit.session, UUID(event.data["user_id"]))
