"""What identity publishes. No secret and no password ever enters an event."""

from __future__ import annotations

from uuid import UUID

from services.chassis.auth import Principal
from services.chassis.db import UnitOfWork


def user_created(unit: UnitOfWork, user_id: UUID, email: str) -> None:
    """A user registered; the address is not verified yet."""
    unit.publish("user.created", user_id, {"user_id": str(user_id), "email": email})


def user_verified(unit: UnitOfWork, user_id: UUID) -> None:
    """A user proved that the address is theirs."""
    unit.publish("user.verified", user_id, {"user_id": str(user_id)})


def user_logged_in(unit: UnitOfWork, user_id: UUID, session_id: str, caller: Principal, methods: list[str]) -> None:
    """A login succeeded; `methods` are authentication method references (RFC 8176)."""
    unit.publish("user.logged_in", user_id, _where(user_id, caller) | {"session_id": session_id, "amr": methods})


def user_login_failed(unit: UnitOfWork, user_id: UUID, caller: Principal) -> None:
    """A wrong password was given for an account."""
    unit.publish("user.login_failed", user_id, _where(user_id, caller))


def user_locked(unit: UnitOfWork, user_id: UUID, caller: Principal) -> None:
    """An account takes no more attempts for a while."""
    unit.publish("user.locked", user_id, _where(user_id, caller))


def user_password_changed(unit: UnitOfWork, user_id: UUID, how: str) -> None:
    """A password was replaced; `how` is `change` or `reset`."""
    unit.publish("user.password_changed", user_id, {"user_id": str(user_id), "how": how})


def user_password_reset_requested(unit: UnitOfWork, user_id: UUID) -> None:
    """Somebody asked for a reset link; notification fetches the token itself, it does not travel on the bus."""
    unit.publish("user.password_reset_requested", user_id, {"user_id": str(user_id)})


def user_deleted(unit: UnitOfWork, user_id: UUID) -> None:
    """An account is gone."""
    unit.publish("user.deleted", user_id, {"user_id": str(user_id)})


def _where(user_id: UUID, caller: Principal) -> dict[str, object]:
    return {"user_id": str(user_id), "client_ip": caller.client_ip, "user_agent": caller.user_agent}
