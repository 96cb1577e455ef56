"""Accounts and passwords through the gateway."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import aiohttp

from services.chassis.journey import Traveller
from tests.platform.conftest import join, traveller
from tests.platform.running import Platform

LOGIN = "/api/v1/identity/login"


async def test_registering_a_known_address_answers_the_same_and_changes_nothing(
    member: Traveller, platform: Platform, gateway: str, http: aiohttp.ClientSession
) -> None:
    other = traveller(platform, gateway, http, email=member.email.upper(), password="another-secret-7")
    answer = await other.request(
        "POST", "/api/v1/identity/register", {"email": other.email, "password": other.password}, expect=201
    )
    assert answer["user_id"] != member.facts["user_id"]
    assert (await other.send("POST", LOGIN, {"email": other.email, "password": other.password}))[0] == 401
    assert (await member.send("POST", LOGIN, {"email": member.email, "password": member.password}))[0] == 200


async def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(member: Traveller) -> None:
    answers: list[dict[str, Any]] = []
    for email in (member.email, "nobody." + member.email):
        status, document = await member.send("POST", LOGIN, {"email": email, "password": "wrong-password"})
        assert status == 401
        document.pop("trace_id")
        answers.append(document)
    assert answers[0] == answers[1]


async def test_parallel_guesses_cannot_pass_the_lockout_and_the_owner_is_told(member: Traveller) -> None:
    guesses = [member.send("POST", LOGIN, {"email": member.email, "password": f"guess-number-{n}"}) for n in range(12)]
    statuses = [status for status, _ in await asyncio.gather(*guesses)]
    assert statuses.count(401) == 5
    assert statuses.count(429) == 7
    status, document = await member.send("POST", LOGIN, {"email": member.email, "password": member.password})
    assert (status, document["error"]) == (429, "LOCKED")
    await member.post.wait_for(to=member.email, subject="locked", timeout_s=15)


async def test_weak_passwords_are_refused_with_the_reason(visitor: Traveller) -> None:
    for password in ("short", "aaaaaaaaaaaa", "password1234", visitor.email.partition("@")[0] + "1"):
        body = {"email": visitor.email, "password": password}
        error = await visitor.request("POST", "/api/v1/identity/register", body, expect=422)
        assert error["error"] == "WEAK_PASSWORD"
        assert error["details"]["reason"]


async def test_a_verification_link_works_once(visitor: Traveller) -> None:
    body = {"email": visitor.email, "password": visitor.password}
    await visitor.request("POST", "/api/v1/identity/register", body, expect=201)
    token = await token_of(visitor, "Confirm")
    await visitor.request("POST", "/api/v1/identity/email/verify", {"token": token})
    error = await visitor.request("POST", "/api/v1/identity/email/verify", {"token": token}, expect=400)
    assert error["error"] == "INVALID_EMAIL_TOKEN"


async def test_changing_the_password_keeps_this_session_and_ends_the_others(
    member: Traveller, platform: Platform, gateway: str, http: aiohttp.ClientSession
) -> None:
    elsewhere = traveller(platform, gateway, http, email=member.email, password=member.password)
    tokens = await elsewhere.request("POST", LOGIN, {"email": member.email, "password": member.password})
    elsewhere.access_token = tokens["access_token"]
    await elsewhere.request("GET", "/api/v1/identity/me")
    change = {"current_password": member.password, "new_password": "a-brand-new-secret"}
    await member.request("POST", "/api/v1/identity/password/change", change)
    await member.request("GET", "/api/v1/identity/me")
    await until_refused(elsewhere)
    assert (await member.send("POST", LOGIN, {"email": member.email, "password": member.password}))[0] == 401


async def test_a_reset_link_sets_a_new_password_and_ends_every_session(member: Traveller) -> None:
    await member.request("POST", "/api/v1/identity/password/forgot", {"email": member.email}, expect=202)
    token = await token_of(member, "Reset")
    new = {"token": token, "new_password": "a-brand-new-secret"}
    await member.request("POST", "/api/v1/identity/password/reset", new)
    await until_refused(member)
    member.access_token = ""
    await member.request("POST", LOGIN, {"email": member.email, "password": "a-brand-new-secret"})
    assert (await member.send("POST", "/api/v1/identity/password/reset", new))[0] == 400


async def test_asking_for_a_reset_of_an_unknown_address_answers_the_same(visitor: Traveller) -> None:
    await visitor.request("POST", "/api/v1/identity/password/forgot", {"email": visitor.email}, expect=202)


async def test_a_deleted_account_is_gone_everywhere(member: Traveller) -> None:
    await member.eventually("GET", "/api/v1/profile/me", bool, what="the profile")
    await member.request("DELETE", "/api/v1/identity/me")
    await until_refused(member)
    assert (await member.send("POST", LOGIN, {"email": member.email, "password": member.password}))[0] == 401
    member.access_token = ""
    await join(member)  # the address is free again


async def token_of(user: Traveller, subject: str) -> str:
    """Return the token in the next mail about `subject`."""
    mail = await user.post.wait_for(to=user.email, subject=subject, timeout_s=15)
    found = re.search(r"token=([\w-]+)", mail.text)
    assert found is not None, mail.text
    return found.group(1)


async def until_refused(user: Traveller) -> None:
    """Fail unless the access token is refused within a second."""
    from services.session.journey import refused

    await refused(user)
