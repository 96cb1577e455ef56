"""Sessions and second factors through the gateway."""

from __future__ import annotations

import asyncio
import time

import aiohttp
import pyotp

from services.chassis.journey import Traveller
from services.session.journey import refused
from tests.platform.conftest import traveller
from tests.platform.running import Platform

LOGIN = "/api/v1/identity/login"
REFRESH = "/api/v1/session/refresh"


async def test_refreshing_the_same_token_from_many_places_at_once_gives_one_successor(member: Traveller) -> None:
    body = {"refresh_token": member.refresh_token}
    answers = await asyncio.gather(*(member.request("POST", REFRESH, body) for _ in range(16)))
    assert len({answer["refresh_token"] for answer in answers}) == 1


async def test_a_copied_refresh_token_ends_the_session_and_the_owner_is_told(member: Traveller) -> None:
    stolen = member.refresh_token
    for _ in range(2):
        answer = await member.request("POST", REFRESH, {"refresh_token": member.refresh_token})
        member.access_token, member.refresh_token = answer["access_token"], answer["refresh_token"]
    error = await member.request("POST", REFRESH, {"refresh_token": stolen}, expect=401)
    assert error["error"] == "REFRESH_TOKEN_REUSED"
    await member.request("POST", REFRESH, {"refresh_token": member.refresh_token}, expect=401)
    await refused(member)
    await member.post.wait_for(to=member.email, subject="for your safety", timeout_s=15)


async def test_a_forged_refresh_token_is_refused_and_harms_nobody(member: Traveller) -> None:
    forged = member.refresh_token[:-6] + ("AAAAAA" if member.refresh_token[-6:] != "AAAAAA" else "BBBBBB")
    error = await member.request("POST", REFRESH, {"refresh_token": forged}, expect=401)
    assert error["error"] == "INVALID_REFRESH_TOKEN"
    await member.request("POST", REFRESH, {"refresh_token": member.refresh_token})


async def test_devices_are_listed_by_pages_and_can_be_ended_one_by_one(
    member: Traveller, platform: Platform, gateway: str, http: aiohttp.ClientSession
) -> None:
    others = []
    for _ in range(3):
        other = traveller(platform, gateway, http, email=member.email, password=member.password)
        answer = await other.request("POST", LOGIN, {"email": member.email, "password": member.password})
        other.access_token = answer["access_token"]
        others.append(other)
    first = await member.request("GET", "/api/v1/session/sessions?limit=3")
    second = await member.request("GET", f"/api/v1/session/sessions?limit=3&cursor={first['next_cursor']}")
    listed = [item["session_id"] for item in (*first["items"], *second["items"])]
    assert len(set(listed)) == 4
    assert second["next_cursor"] == ""
    await member.request("DELETE", f"/api/v1/session/sessions/{listed[0]}")  # the newest: the last of the others
    await refused(others[-1])
    await others[0].request("GET", "/api/v1/identity/me")
    assert (await member.request("DELETE", "/api/v1/session/sessions"))["revoked"] == 2
    await refused(others[0])


async def test_nobody_can_end_a_session_of_somebody_else(
    member: Traveller, platform: Platform, gateway: str, http: aiohttp.ClientSession
) -> None:
    from tests.platform.conftest import join

    stranger = traveller(platform, gateway, http)
    await join(stranger)
    theirs = (await member.request("GET", "/api/v1/session/sessions"))["items"][0]["session_id"]
    await stranger.request("DELETE", f"/api/v1/session/sessions/{theirs}", expect=404)
    await member.request("GET", "/api/v1/identity/me")


async def test_a_second_factor_is_limited_to_a_few_wrong_codes(member: Traveller) -> None:
    secret = (await member.request("POST", "/api/v1/mfa/totp", {}, expect=201))["secret"]
    await member.request("POST", "/api/v1/mfa/totp/confirm", {"code": pyotp.TOTP(secret).now()})
    statuses = []
    for _ in range(7):
        pending = await member.request("POST", LOGIN, {"email": member.email, "password": member.password})
        wrong = {"mfa_token": pending["mfa_token"], "method": "totp", "code": "000000x"}
        statuses.append((await member.send("POST", LOGIN + "/mfa", wrong))[0])
    assert statuses[:5] == [401] * 5
    assert statuses[5:] == [429] * 2


async def test_parallel_uses_of_one_code_succeed_once(member: Traveller) -> None:
    secret = (await member.request("POST", "/api/v1/mfa/totp", {}, expect=201))["secret"]
    await member.request("POST", "/api/v1/mfa/totp/confirm", {"code": pyotp.TOTP(secret).now()})
    code = pyotp.TOTP(secret).at(int(time.time()) + 30)
    member.access_token = ""
    login = {"email": member.email, "password": member.password}
    tokens = [(await member.request("POST", LOGIN, login))["mfa_token"] for _ in range(4)]
    proofs = [{"mfa_token": token, "method": "totp", "code": code} for token in tokens]
    statuses = [status for status, _ in await asyncio.gather(*(member.send("POST", LOGIN + "/mfa", p) for p in proofs))]
    assert statuses.count(200) == 1
