"""The mfa service: what it declares and what it is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.chassis.spec import ServiceSpec

if TYPE_CHECKING:
    from services.chassis.app import Application
    from services.chassis.settings import Settings

SPEC = ServiceSpec(
    name="mfa",
    summary="Second factors: TOTP and recovery codes",
    port=11005,
    database="postgres",
    publishes=("mfa.enrolled", "mfa.challenged", "mfa.failed"),
    consumes=("user.deleted",),
    error_codes=range(1600, 1700),
    serves_grpc=True,
)


def build(settings: Settings) -> Application:
    """Put the service together."""
    from services.chassis.app import Application
    from services.chassis.db import Database
    from services.chassis.sealing import Sealer
    from services.contracts.mfa_pb2_grpc import add_SecondFactorsServicer_to_server
    from services.mfa.events import forget_user
    from services.mfa.factors import Factors
    from services.mfa.routes import router
    from services.mfa.rpc import SecondFactorsServicer

    app = Application(SPEC, settings)
    db = Database(settings)
    factors = Factors(db, Sealer(settings.secret, "mfa.totp"))
    return (
        app.with_router(router)
        .with_database(db)
        .with_state(factors=factors)
        .with_consumer(db, {"user.deleted": forget_user})
        .with_grpc(lambda server: add_SecondFactorsServicer_to_server(SecondFactorsServicer(factors), server))
    )
