"""Mixed load through the gateway, every request accounted for: what was sent, what was answered, what was not."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp

from services.chassis.journey import Traveller
from tests.platform.conftest import join, traveller
from tests.platform.running import Platform

_PAUSE_S = 0.02


@dataclass(kw_only=True)
class Load:
    """What happened to the requests. `failures` has one line for each that was not answered as it should be."""

    sent: int = 0
    answered: int = 0
    registered: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    async def ask(self, user: Traveller, method: str, path: str, expected: int, body: object = None) -> bool:
        """Send one request and note what became of it; true if it was answered as expected."""
        self.sent += 1
        began = time.perf_counter()
        headers = {"authorization": f"Bearer {user.access_token}"} if user.access_token else {}
        try:
            async with user.session.request(method, user.gateway + path, json=body, headers=headers) as answer:
                text = await answer.text()
        except (aiohttp.ClientError, TimeoutError) as error:
            self.failures.append(f"{method} {path}: {error!r}")
            return False
        self.seconds.append(time.perf_counter() - began)
        if answer.status != expected or '"failed":{"' in text:  # a joined view names the parts that it lacks
            self.failures.append(f"{method} {path}: {answer.status} {text[:200]}")
            return False
        self.answered += 1
        return True


@asynccontextmanager
async def mixed_load(platform: Platform, gateway: str, *, users: int = 3) -> AsyncIterator[Load]:
    """Keep users busy while the block runs: reads, writes and registrations, on connections that are kept alive."""
    load, stop = Load(), asyncio.Event()
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        people = [traveller(platform, gateway, http) for _ in range(users)]
        await asyncio.gather(*(join(person) for person in people))

        async def live(user: Traveller) -> None:
            while not stop.is_set():
                await load.ask(user, "GET", "/api/v1/me", 200)
                await load.ask(user, "PATCH", "/api/v1/profile/me", 200, {"display_name": "Ada"})
                await load.ask(user, "GET", "/api/v1/session/sessions", 200)
                await asyncio.sleep(_PAUSE_S)

        async def arrive() -> None:
            while not stop.is_set():
                newcomer = traveller(platform, gateway, http)
                body = {"email": newcomer.email, "password": newcomer.password}
                if await load.ask(newcomer, "POST", "/api/v1/identity/register", 201, body):
                    load.registered.append(newcomer.email)
                await asyncio.sleep(_PAUSE_S)

        workers = [asyncio.create_task(live(user)) for user in people]
        workers.append(asyncio.create_task(arrive()))
        try:
            yield load
        finally:
            stop.set()
            await asyncio.wait_for(asyncio.gather(*workers), 30)
