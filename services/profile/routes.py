"""The HTTP routes of profile: parse, call, return."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request

from services.chassis.access import Peer, User
from services.chassis.dto import Envelope, ok
from services.profile.dto import Preferences, ProfileOut, ProfilePatch
from services.profile.models import Profile
from services.profile.profiles import Profiles

router = APIRouter(prefix="/v1", tags=["profile"])


async def _profiles(request: Request) -> Profiles:
    profiles: Profiles = request.app.state.profiles
    return profiles


ProfilesDep = Annotated[Profiles, Depends(_profiles)]


@router.get("/me")
async def get_profile(user: User, profiles: ProfilesDep) -> Envelope[ProfileOut]:
    """Return the signed-in user's profile."""
    return ok(_out(await profiles.get(user.user_id)))


@router.patch("/me")
async def change_profile(body: ProfilePatch, user: User, profiles: ProfilesDep) -> Envelope[ProfileOut]:
    """Change the signed-in user's profile."""
    values = body.model_dump(exclude_none=True, exclude={"version"})
    return ok(_out(await profiles.change(user.user_id, values, body.version)))


@router.get("/internal/profiles/{user_id}")
async def get_profile_of(user_id: UUID, _caller: Peer, profiles: ProfilesDep) -> Envelope[ProfileOut]:
    """Return a user's profile, to another service."""
    return ok(_out(await profiles.get(user_id)))


def _out(profile: Profile) -> ProfileOut:
    return ProfileOut(
        user_id=profile.user_id,
        display_name=profile.display_name,
        locale=profile.locale,
        timezone=profile.timezone,
        preferences=Preferences(**profile.preferences),
        version=profile.version,
        updated_at=profile.updated_at,
    )
