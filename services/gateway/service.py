"""The gateway: what it declares and what it is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.chassis.spec import ServiceSpec

if TYPE_CHECKING:
    from services.chassis.app import Application
    from services.chassis.settings import Settings

# It routes to whatever the registry lists; only the session service is needed for it to do its work.
SPEC = ServiceSpec(
    name="gateway",
    summary="The single entry point",
    port=11000,
    calls=("session",),
    invokes=("session/Validate",),
    error_codes=range(1100, 1200),
)


def build(settings: Settings) -> Application:
    """Put the service together."""
    from services.chassis.app import Application
    from services.chassis.cache import Cache
    from services.contracts.session_pb2_grpc import SessionsStub
    from services.gateway.edge import Edge
    from services.gateway.limits import RateLimits
    from services.gateway.options import GatewayOptions
    from services.gateway.proxy import Proxy
    from services.gateway.tokens import AccessTokens

    app = Application(SPEC, settings, routes_to_everyone=True)
    options = GatewayOptions()
    # Only a local level: the session service keeps the shared one, and announces every revocation.
    active = Cache(app.cache_redis, SPEC.name, "session", shared_s=0, source="session")
    sessions = app.grpc_client("session", SessionsStub)
    tokens = AccessTokens(app.client, sessions, active, settings.public_url)
    limits = RateLimits(settings.bus_url.get_secret_value(), options)
    proxy = Proxy(app.client)
    return (
        app.with_front(lambda probes: Edge(probes, tokens, limits, proxy, app.directory, options).app())
        .with_start(active.start)
        .with_cleanup("session-cache", active.stop)
        .with_cleanup("limits", limits.close)
    )
