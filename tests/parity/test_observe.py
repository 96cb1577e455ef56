"""Walking the suite on a real platform: what one step sets going is done when the next one begins."""

from __future__ import annotations

from pathlib import Path

import aiohttp
import pytest

from autional_cli.load.ledger import Ledger
from autional_cli.parity.behaviour import TRAIL
from autional_cli.parity.observe import suite, walk
from autional_cli.parity.sides import Side, running
from autional_cli.parity.witness import Witness
from autional_cli.pytest_plugin.people import postbox
from autional_cli.pytest_plugin.running import Platform
from services.chassis.journey import JourneyError, Step, Traveller

ROOT = Path(__file__).parents[2]
TIMES = 3  # fewer wrong passwords than lock an account


async def fail(user: Traveller) -> None:
    """Publish an event that audit stores."""
    wrong = {"email": user.email, "password": user.password[::-1]}
    await user.request("POST", "/api/v1/identity/login", wrong, expect=401)
    user.facts["failed"] = user.exchanges[-1].trace_id


async def look(user: Traveller) -> None:
    """Look once, without waiting, whether audit has it."""
    found = await user.request("GET", TRAIL)
    if user.facts["failed"] not in {item["trace_id"] for item in found["items"]}:
        raise JourneyError("the step before was not over")


async def walk_through(platform: Platform, planned: list[Step]) -> dict[str, str]:
    """Return the error of each step that was taken."""
    ledger = await Ledger.open(platform.instance, platform.services)
    try:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
            user = Witness(gateway=platform.gateway, session=session, post=postbox(platform))
            walked = await walk(user, planned, ledger)
    finally:
        await ledger.close()
    return {name: seen.error or seen.untraced for name, (seen, _) in walked.items()}


@pytest.mark.timeout(120)
async def test_a_step_begins_when_the_messages_of_the_one_before_have_been_applied() -> None:
    """Otherwise a consumer takes messages of two steps at once, and works in the trace of either."""
    pairs = [Step(name=f"{what.__name__}.{number}", run=what) for number in range(TIMES) for what in (fail, look)]
    with running(ROOT, Side("embedded", "login"), 9, lambda _: None) as platform:
        sign_in = [step for step in suite(platform.services) if step.name.startswith("identity.")]
        errors = await walk_through(platform, [*sign_in, *pairs])
    assert set(errors) >= {step.name for step in pairs}
    assert set(errors.values()) == {""}
