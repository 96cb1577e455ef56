"""The identity service: what it declares and what it is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.chassis.spec import ServiceSpec

if TYPE_CHECKING:
    from services.chassis.app import Application
    from services.chassis.settings import Settings

SPEC = ServiceSpec(
    name="identity",
    summary="Registration, e-mail verification, password and login",
    port=11001,
    database="postgres",
    calls=("session", "mfa"),
    invokes=(
        "session/Create",
        "session/Pending",
        "session/Complete",
        "session/RevokeAll",
        "mfa/Requirement",
        "mfa/Verify",
    ),
    publishes=(
        "user.created",
        "user.verified",
        "user.logged_in",
        "user.login_failed",
        "user.locked",
        "user.password_changed",
        "user.password_reset_requested",
        "user.deleted",
    ),
    error_codes=range(1200, 1300),
)


def build(settings: Settings) -> Application:
    """Put the service together."""
    from services.chassis.app import Application
    from services.chassis.db import Database
    from services.chassis.sealing import derive_key
    from services.contracts.mfa_pb2_grpc import SecondFactorsStub
    from services.contracts.session_pb2_grpc import SessionsStub
    from services.identity.accounts import Accounts
    from services.identity.lockout import Lockout
    from services.identity.login import Login
    from services.identity.passwords import PasswordHasher
    from services.identity.routes import router

    app = Application(SPEC, settings)
    db = Database(settings)
    hasher = PasswordHasher()
    lockout = Lockout(app.bus)
    sessions = app.grpc_client("session", SessionsStub)
    factors = app.grpc_client("mfa", SecondFactorsStub)
    return (
        app.with_router(router)
        .with_database(db)
        .with_state(
            accounts=Accounts(db, hasher, lockout, sessions),
            login=Login(db, hasher, lockout, sessions, factors, derive_key(settings.secret, "identity.stand-in")),
        )
        .with_cleanup("hasher", hasher.close)
    )
