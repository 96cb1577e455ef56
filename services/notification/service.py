"""The notification service: what it declares and what it is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.chassis.spec import ServiceSpec

if TYPE_CHECKING:
    from services.chassis.app import Application
    from services.chassis.settings import Settings

SPEC = ServiceSpec(
    name="notification",
    summary="E-mail and in-app messages",
    port=11010,
    database="postgres",
    calls=("identity",),
    invokes=("identity POST /v1/internal/users/{user_id}/email-token",),
    publishes=("notification.sent", "notification.failed"),
    consumes=(
        "user.created",
        "user.password_reset_requested",
        "user.logged_in",
        "user.locked",
        "user.password_changed",
        "user.deleted",
        "mfa.enrolled",
        "session.reuse_detected",
    ),
    resources=("mailbox",),
    error_codes=range(2100, 2200),
    background=True,
)


def build(settings: Settings) -> Application:
    """Put the service together."""
    from services.chassis.app import Application
    from services.chassis.db import Database
    from services.notification.events import HANDLERS
    from services.notification.inbox import Messages
    from services.notification.mailer import Mailer
    from services.notification.routes import router
    from services.notification.sender import Sender

    app = Application(SPEC, settings)
    db = Database(settings)
    return (
        app.with_router(router)
        .with_database(db)
        .with_state(messages=Messages(db))
        .with_consumer(db, HANDLERS)
        .with_server(Sender(db, Mailer(settings), app.client, settings.public_url))
    )
