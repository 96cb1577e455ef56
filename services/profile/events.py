"""What profile consumes."""

from __future__ import annotations

from uuid import UUID

from services.chassis.db import UnitOfWork
from services.chassis.events import Event
from services.profile import store
from services.profile.domain import first_name_from


async def create_profile(unit: UnitOfWork, event: Event) -> None:
    """On `user.created`: give the user a profile."""
    await store.add(unit.session, UUID(event.data["user_id"]), first_name_from(event.data["email"]))


async def remove_profile(unit: UnitOfWork, event: Event) -> None:
    """On `user.deleted`: remove the profile."""
    await store.remove(unit.session, UUID(event.data["user_id"]))
