"""What notification consumes and publishes."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from services.chassis.db import UnitOfWork
from services.chassis.events import Event
from services.chassis.inbox import Handler
from services.notification import store
from services.notification.templates import KINDS, render


async def welcome(unit: UnitOfWork, event: Event) -> None:
    """On `user.created`: remember the address and have it confirmed."""
    user_id = UUID(event.data["user_id"])
    await store.put_recipient(unit.session, user_id, event.data["email"])
    await store.add_delivery(unit.session, user_id, "verify_email", {})


async def forget(unit: UnitOfWork, event: Event) -> None:
    """On `user.deleted`: remove everything about the user."""
    await store.forget_user(unit.session, UUID(event.data["user_id"]))


def tell(kind: str) -> Handler:
    """Return a handler that tells the user by e-mail, unless muted, and in the application."""

    async def handler(unit: UnitOfWork, event: Event) -> None:
        user_id = UUID(event.data["user_id"])
        values = {**event.data, "time": event.time.strftime("%Y-%m-%d %H:%M UTC")}
        text = KINDS[kind]
        if kind not in await store.muted(unit.session, user_id):
            await store.add_delivery(unit.session, user_id, kind, values)
        if text.in_app:
            await store.add_message(unit.session, user_id, kind, text.subject, render(text.body, values))

    return handler


HANDLERS: Mapping[str, Handler] = {
    "user.created": welcome,
    "user.password_reset_requested": tell("reset_password"),
    "user.logged_in": tell("login_alert"),
    "user.locked": tell("account_locked"),
    "user.password_changed": tell("password_changed"),
    "mfa.enrolled": tell("mfa_enrolled"),
    "session.reuse_detected": tell("token_reused"),
    "user.deleted": forget,
}


def notification_sent(unit: UnitOfWork, delivery_id: UUID, user_id: UUID, kind: str) -> None:
    """An e-mail was handed over to the mail server."""
    unit.publish("notification.sent", delivery_id, {"user_id": str(user_id), "kind": kind, "channel": "email"})


def notification_failed(unit: UnitOfWork, delivery_id: UUID, user_id: UUID, kind: str) -> None:
    """An e-mail was refused for good."""
    unit.publish("notification.failed", delivery_id, {"user_id": str(user_id), "kind": kind, "channel": "email"})
