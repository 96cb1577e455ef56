"""The profile service: what it declares and what it is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.chassis.spec import ServiceSpec

if TYPE_CHECKING:
    from services.chassis.app import Application
    from services.chassis.settings import Settings

SPEC = ServiceSpec(
    name="profile",
    summary="Profiles and preferences",
    port=11002,
    database="postgres",
    consumes=("user.created", "user.deleted"),
    error_codes=range(1300, 1400),
)


def build(settings: Settings) -> Application:
    """Put the service together."""
    from services.chassis.app import Application
    from services.chassis.db import Database
    from services.profile.events import create_profile, remove_profile
    from services.profile.profiles import Profiles
    from services.profile.routes import router

    db = Database(settings)
    return (
        Application(SPEC, settings)
        .with_router(router)
        .with_database(db)
        .with_state(profiles=Profiles(db))
        .with_consumer(db, {"user.created": create_profile, "user.deleted": remove_profile})
    )
