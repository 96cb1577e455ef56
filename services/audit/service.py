"""The audit service: what it declares and what it is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.chassis.spec import ServiceSpec

if TYPE_CHECKING:
    from services.chassis.app import Application
    from services.chassis.settings import Settings

SPEC = ServiceSpec(
    name="audit",
    summary="The audit trail of every event",
    port=11009,
    database="mongo",
    consumes=(
        "user.created",
        "user.verified",
        "user.logged_in",
        "user.login_failed",
        "user.locked",
        "user.password_changed",
        "user.password_reset_requested",
        "user.deleted",
        "session.created",
        "session.revoked",
        "session.reuse_detected",
        "mfa.enrolled",
        "mfa.challenged",
        "mfa.failed",
        "notification.sent",
        "notification.failed",
    ),
    error_codes=range(2000, 2100),
    background=True,
)


def build(settings: Settings) -> Application:
    """Put the service together."""
    from services.audit.options import AuditOptions
    from services.audit.retention import Retention
    from services.audit.routes import router
    from services.audit.store import RecordStore
    from services.audit.trail import BATCH, Trail
    from services.chassis.app import Application
    from services.chassis.mongo import MongoDatabase

    mongo = MongoDatabase(settings)
    trail = Trail(RecordStore(mongo.db))
    return (
        Application(SPEC, settings)
        .with_router(router)
        .with_health(mongo.ping)
        .with_cleanup("database", mongo.close)
        .with_state(trail=trail)
        .with_start(trail.prepare)
        .with_raw_consumer(dict.fromkeys(SPEC.consumes, trail.append), batch=BATCH)
        .with_server(Retention(trail, AuditOptions()))
    )
