"""What drills taught: an outage is nobody's guess at a password, and a guess during an outage is still one."""

from __future__ import annotations

import asyncio

import aiohttp

from tests.chaos.test_drills import drilling
from tests.platform.conftest import join, traveller
from tests.platform.running import Platform

LOGIN = "/api/v1/identity/login"
BACK_S = 10.0


async def test_sign_ins_that_an_outage_broke_do_not_lock_the_account_but_guesses_do(platform: Platform) -> None:
    gateway = str(platform.status()["gateway"])
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        honest, guesser = traveller(platform, gateway, http), traveller(platform, gateway, http)
        for user in (honest, guesser):
            await join(user)
            user.access_token = ""
        right = {"email": honest.email, "password": honest.password}
        wrong = {"email": guesser.email, "password": "not-the-password"}
        with drilling(platform, "errors", "session", "--rate", "1", "--for", "60s"):
            broken = [(await honest.send("POST", LOGIN, right))[0] for _ in range(8)]
            refused = [(await guesser.send("POST", LOGIN, wrong))[0] for _ in range(6)]
        assert {500, 503} >= set(broken)
        assert refused == [401] * 5 + [429]
        async with asyncio.timeout(BACK_S):
            while (status := (await honest.send("POST", LOGIN, right))[0]) != 200:
                assert status in (500, 503), "the account was locked by an outage"
                await asyncio.sleep(0.1)
