"""Fixtures: one shared platform for tests that only use it, and a fresh one for tests that break it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import pytest

from autional_cli.resources.mailbox import MailboxReader
from services.chassis.journey import Traveller
from tests.platform.running import Platform


@pytest.fixture(scope="session")
def platform() -> Iterator[Platform]:
    """The whole platform, shared by all tests of this run; nobody may stop or kill a part of it."""
    shared = Platform(instance=f"test-{os.getpid()}")
    try:
        shared.up()
        yield shared
    finally:
        shared.down()


@pytest.fixture
def own_platform(request: pytest.FixtureRequest) -> Iterator[Platform]:
    """An instance of this test's own, not started yet."""
    number = abs(hash(request.node.nodeid)) % 10**8
    own = Platform(instance=f"own-{os.getpid()}-{number}")
    try:
        yield own
    finally:
        own.down()


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """An HTTP client."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield session


@pytest.fixture
def gateway(platform: Platform) -> str:
    """The shared platform's address."""
    return str(platform.status()["gateway"])


@pytest.fixture
def visitor(platform: Platform, gateway: str, http: aiohttp.ClientSession) -> Traveller:
    """Somebody whom the platform has never seen."""
    return traveller(platform, gateway, http)


@pytest.fixture
async def member(visitor: Traveller) -> Traveller:
    """A registered, verified, signed-in user."""
    await join(visitor)
    return visitor


def traveller(platform: Platform, gateway: str, http: aiohttp.ClientSession, **given: Any) -> Traveller:
    """Return a new user of a platform."""
    return Traveller(gateway=gateway, session=http, post=MailboxReader(platform.home / "data" / "mailbox"), **given)


async def join(user: Traveller) -> None:
    """Register, verify and sign in."""
    from services.identity import journey

    for step in (journey.register, journey.verify_email, journey.login):
        await step(user)
