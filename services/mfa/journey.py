"""What a user does with second factors."""

from __future__ import annotations

import time

import pyotp

from services.chassis.journey import JourneyError, Step, Traveller

_STEP_S = 30


async def factors(user: Traveller) -> None:
    """See which second factors there are."""
    found = await user.request("GET", "/api/v1/mfa/factors")
    if found["methods"] and "totp" not in user.facts:
        raise JourneyError(f"a second factor that nobody set up: {found}")


async def enrol(user: Traveller) -> None:
    """Set up an authenticator app."""
    body = {"account": user.email}
    user.facts["totp"] = (await user.request("POST", "/api/v1/mfa/totp", body, expect=201))["secret"]
    code = pyotp.TOTP(user.facts["totp"]).now()
    answer = await user.request("POST", "/api/v1/mfa/totp/confirm", {"code": code})
    user.facts["recovery_codes"] = answer["recovery_codes"]


async def challenge(user: Traveller) -> None:
    """Sign in again: now a code is asked for, a wrong one is refused, the right one works once."""
    user.access_token = ""
    login = {"email": user.email, "password": user.password}
    pending = await user.request("POST", "/api/v1/identity/login", login)
    if not pending["mfa_required"] or "totp" not in pending["methods"]:
        raise JourneyError(f"no second factor was asked for: {pending}")
    # The present step may have been used to enrol; the next one is within the allowed drift.
    code = pyotp.TOTP(user.facts["totp"]).at(int(time.time()) + _STEP_S)
    wrong = {"mfa_token": pending["mfa_token"], "method": "totp", "code": "0000000"}
    await user.request("POST", "/api/v1/identity/login/mfa", wrong, expect=401)
    answer = await user.request("POST", "/api/v1/identity/login/mfa", {**wrong, "code": code})
    user.access_token, user.refresh_token = answer["access_token"], answer["refresh_token"]
    user.facts["used_code"] = code


async def refuse_replay(user: Traveller) -> None:
    """A code that was accepted is refused the second time; a recovery code gets in."""
    user.access_token = ""
    login = {"email": user.email, "password": user.password}
    token = (await user.request("POST", "/api/v1/identity/login", login))["mfa_token"]
    replay = {"mfa_token": token, "method": "totp", "code": user.facts["used_code"]}
    await user.request("POST", "/api/v1/identity/login/mfa", replay, expect=401)
    recovery = {"mfa_token": token, "method": "recovery", "code": user.facts["recovery_codes"][0]}
    answer = await user.request("POST", "/api/v1/identity/login/mfa", recovery)
    user.access_token, user.refresh_token = answer["access_token"], answer["refresh_token"]


STEPS = (
    Step(name="mfa.factors", run=factors, after=("identity.me",), repeats=True),
    Step(name="mfa.enrol", run=enrol, after=("mfa.factors",), publishes=("mfa.enrolled",)),
    Step(name="mfa.challenge", run=challenge, after=("mfa.enrol",)),
    Step(name="mfa.refuse_replay", run=refuse_replay, after=("mfa.challenge",)),
)
