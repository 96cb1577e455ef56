"""The session service: what it declares and what it is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.chassis.spec import ServiceSpec

if TYPE_CHECKING:
    from services.chassis.app import Application
    from services.chassis.settings import Settings

SPEC = ServiceSpec(
    name="session",
    summary="Sessions, access and refresh tokens, devices",
    port=11004,
    database="postgres",
    publishes=("session.created", "session.revoked", "session.reuse_detected"),
    error_codes=range(1500, 1600),
    serves_grpc=True,
)


def build(settings: Settings) -> Application:
    """Put the service together."""
    from services.chassis.app import Application
    from services.chassis.cache import Cache
    from services.chassis.db import Database
    from services.contracts.session_pb2_grpc import add_SessionsServicer_to_server
    from services.session.keys import SigningKeys
    from services.session.routes import router
    from services.session.rpc import SessionsServicer
    from services.session.sessions import Sessions
    from services.session.tokens import RefreshTokens

    app = Application(SPEC, settings)
    db = Database(settings)
    cache = Cache(app.cache_redis, SPEC.name, "session")
    keys = SigningKeys(db, settings)
    sessions = Sessions(db, cache, keys, RefreshTokens(settings.secret))
    return (
        app.with_router(router)
        .with_database(db)
        .with_state(sessions=sessions, keys=keys)
        .with_start(keys.load)
        .with_start(cache.start)
        .with_cleanup("session-cache", cache.stop)
        .with_grpc(lambda server: add_SessionsServicer_to_server(SessionsServicer(sessions), server))
    )
