"""Behaviour beyond the journeys, where servers differ if they differ at all: order, text, limits, races, wrong input.

Each is a step like those of the services and is left out where the services it needs do not run.
"""

from __future__ import annotations

import asyncio

from services.chassis.journey import JourneyError, Step, Traveller

REGISTER = "/api/v1/identity/register"
PROFILE = "/api/v1/profile/me"
TRAIL = "/api/v1/audit/events?type=user.login_failed"
TEXT = "Zo\u00eb \U0001d518 \u05d0\u05d1 e\u0301 \N{GRINNING FACE} 'quoted' \\ %s $1 {}"
ATTEMPTS = 30
FAILURES = 2  # fewer than lock an account


async def refuse_unknown(user: Traveller) -> None:
    """A path that nobody serves is an error in the envelope."""
    await user.request("GET", "/api/v1/nothing/here", expect=404)


async def refuse_invalid(user: Traveller) -> None:
    """What is not valid is refused with details, before any database sees it."""
    error = await user.request("POST", REGISTER, {"email": 5, "password": None}, expect=422)
    if not error["details"]:
        raise JourneyError(f"no details: {error}")


async def refuse_nul(user: Traveller) -> None:
    """A NUL, which PostgreSQL cannot store, is the client's mistake and no server error."""
    status, answer = await user.send("PATCH", PROFILE, {"display_name": "a\0b"})
    if not 400 <= status < 500:
        raise JourneyError(f"expected a client error, got {status} {answer}")


async def keep_text(user: Traveller) -> None:
    """Text comes back as it was sent, whatever its script."""
    await user.request("PATCH", PROFILE, {"display_name": TEXT})
    answer = await user.request("GET", PROFILE)
    if answer["display_name"] != TEXT:
        raise JourneyError(f"sent {TEXT!r}, got {answer['display_name']!r}")


async def keep_order(user: Traveller) -> None:
    """The trail is listed newest first, and page by page gives the same as at once."""
    wrong = {"email": user.email, "password": user.password[::-1]}
    for _ in range(FAILURES):
        await user.request("POST", "/api/v1/identity/login", wrong, expect=401)

    def are_there(data: dict[str, list[object]]) -> bool:
        return len(data["items"]) > FAILURES  # one more is of the journey

    whole = (await user.eventually("GET", f"{TRAIL}&limit=200", are_there, what="the failed logins"))["items"]
    first = await user.request("GET", f"{TRAIL}&limit={FAILURES}")
    second = await user.request("GET", f"{TRAIL}&limit={FAILURES}&cursor={first['next_cursor']}")
    order = [item["seq"] for item in whole]
    if order != sorted(order, reverse=True):
        raise JourneyError(f"not newest first: {order}")
    paged = [item["seq"] for page in (first, second) for item in page["items"]]
    if paged != order[: len(paged)] or len(paged) <= FAILURES:
        raise JourneyError(f"pages {paged} are not the beginning of {order}")


async def race(user: Traveller) -> None:
    """Of two registrations of one address at the same time, one is made, and neither caller learns which."""
    body = {"email": f"twice.{user.email}", "password": user.password}
    answers = await asyncio.gather(*(user.send("POST", REGISTER, body) for _ in range(2)))
    if [status for status, _ in answers] != [201, 201]:
        raise JourneyError(f"expected 201 twice, got {[status for status, _ in answers]}")


async def lock_out(user: Traveller) -> None:
    """After some wrong passwords an account takes no more attempts, and says so."""
    body = {"email": f"locked.{user.email}", "password": user.password}
    await user.request("POST", REGISTER, body, expect=201)
    wrong = {**body, "password": user.password[::-1]}
    for _ in range(ATTEMPTS):
        status, _ = await user.send("POST", "/api/v1/identity/login", wrong)
        if status == 429:
            return
    raise JourneyError(f"{ATTEMPTS} wrong passwords were allowed")


STEPS = (
    Step(name="parity.refuse_unknown", run=refuse_unknown),
    Step(name="parity.refuse_invalid", run=refuse_invalid, after=("identity.login",)),
    Step(name="parity.refuse_nul", run=refuse_nul, after=("profile.appears",)),
    Step(name="parity.keep_text", run=keep_text, after=("profile.change",)),
    Step(name="parity.keep_order", run=keep_order, after=("audit.query",)),
    Step(name="parity.race", run=race, after=("identity.login",)),
    Step(name="parity.lock_out", run=lock_out, after=("identity.login",)),
)
