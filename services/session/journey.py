"""What a user does with sessions."""

from __future__ import annotations

import asyncio
import time

from services.chassis.journey import JourneyError, Step, Traveller

_REFRESH = "/api/v1/session/refresh"


async def refresh(user: Traveller) -> None:
    """Exchange the refresh token; repeating it at once gives the same answer."""
    body = {"refresh_token": user.refresh_token}
    first = await user.request("POST", _REFRESH, body)
    again = await user.request("POST", _REFRESH, body)
    if first["refresh_token"] != again["refresh_token"]:
        raise JourneyError("a repeated refresh was given another token")
    user.facts["old_refresh"] = user.refresh_token
    user.access_token, user.refresh_token = first["access_token"], first["refresh_token"]
    second = await user.request("POST", _REFRESH, {"refresh_token": user.refresh_token})
    user.access_token, user.refresh_token = second["access_token"], second["refresh_token"]
    user.facts["family"] = (user.access_token, user.refresh_token)


async def devices(user: Traveller) -> None:
    """See this device in the list."""
    page = await user.request("GET", "/api/v1/session/sessions")
    if not any(item["current"] for item in page["items"]):
        raise JourneyError(f"this session is not listed: {page}")


async def reuse(user: Traveller) -> None:
    """A copied refresh token of an earlier sign-in is noticed, and its whole family ends."""
    error = await user.request("POST", _REFRESH, {"refresh_token": user.facts["old_refresh"]}, expect=401)
    if error["error"] != "REFRESH_TOKEN_REUSED":
        raise JourneyError(f"expected REFRESH_TOKEN_REUSED, got {error}")
    access_token, refresh_token = user.facts["family"]
    await user.request("POST", _REFRESH, {"refresh_token": refresh_token}, expect=401)
    user.access_token = access_token
    await refused(user)


async def logout(user: Traveller) -> None:
    """Sign in, sign out; the token is dead."""
    user.access_token = ""
    login = {"email": user.email, "password": user.password}
    answer = await user.request("POST", "/api/v1/identity/login", login)
    if answer["mfa_required"]:
        proof = {"mfa_token": answer["mfa_token"], "method": "recovery", "code": user.facts["recovery_codes"][1]}
        answer = await user.request("POST", "/api/v1/identity/login/mfa", proof)
    user.access_token = answer["access_token"]
    await user.request("POST", "/api/v1/session/logout")
    await refused(user)


async def refused(user: Traveller) -> None:
    """The access token is refused at the edge, at the latest after a second."""
    deadline = time.monotonic() + 1.0
    while (status := (await user.send("GET", "/api/v1/identity/me"))[0]) != 401:
        if time.monotonic() > deadline:
            raise JourneyError(f"a revoked token was still answered with {status} after a second")
        await asyncio.sleep(0.02)


STEPS = (
    Step(name="session.refresh", run=refresh, after=("identity.me",), repeats=True),
    Step(name="session.devices", run=devices, after=("session.refresh",), repeats=True),
    Step(name="session.reuse", run=reuse, after=("session.devices",), last=True),
    Step(name="session.logout", run=logout, after=("session.reuse",), last=True),
)
