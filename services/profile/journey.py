"""What a user does with profile."""

from __future__ import annotations

from services.chassis.journey import JourneyError, Step, Traveller


async def appears(user: Traveller) -> None:
    """The profile is made by the event of the registration."""
    await user.eventually("GET", "/api/v1/profile/me", lambda data: bool(data), what="the profile")


async def change(user: Traveller) -> None:
    """Change the name."""
    changed = await user.request("PATCH", "/api/v1/profile/me", {"display_name": "Ada", "timezone": "Europe/London"})
    if changed["display_name"] != "Ada":
        raise JourneyError(f"the name did not change: {changed}")


STEPS = (
    Step(name="profile.appears", run=appears, after=("identity.login",)),
    Step(name="profile.change", run=change, after=("profile.appears",), repeats=True),
)
