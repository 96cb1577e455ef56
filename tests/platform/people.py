"""People who use a platform while it is disturbed: what they were promised is kept, what they were not is unknown."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import aiohttp

from services.chassis.journey import JourneyError, Traveller
from services.identity import journey as identity
from tests.platform.conftest import join, traveller
from tests.platform.running import Platform


@dataclass(kw_only=True)
class People:
    """One member who signs in and changes the profile, and strangers who register."""

    platform: Platform
    gateway: str
    http: aiohttp.ClientSession
    member: Traveller
    registered: list[str] = field(default_factory=list)
    names: set[str] = field(default_factory=set)  # of which one must be the member's: the last promised, or a later one
    asked: int = 0

    @classmethod
    async def arrive(cls, platform: Platform, gateway: str) -> People:
        """Let the member join."""
        http = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        people = cls(platform=platform, gateway=gateway, http=http, member=traveller(platform, gateway, http))
        await join(people.member)
        return people

    async def register(self) -> None:
        """Register somebody; whoever is answered 201 must exist from now on."""
        newcomer = traveller(self.platform, self.gateway, self.http)
        body = {"email": newcomer.email, "password": newcomer.password}
        if await self._send(newcomer, "POST", "/api/v1/identity/register", body) == 201:
            self.registered.append(newcomer.email)

    async def change(self) -> None:
        """Change the member's name; a change that was answered 200 must be seen from now on."""
        self.asked += 1
        name = f"Ada {self.asked}"
        answered = await self._send(self.member, "PATCH", "/api/v1/profile/me", {"display_name": name})
        self.names = {name} if answered == 200 else {*self.names, name}

    async def login(self) -> None:
        """Try to sign in again."""
        await self._send(self.member, "POST", "/api/v1/identity/login", identity.credentials(self.member))

    async def _send(self, user: Traveller, method: str, path: str, body: Any) -> int:
        try:
            return (await user.send(method, path, body))[0]
        except (aiohttp.ClientError, TimeoutError, JourneyError):
            return 0  # nobody answered: it may have been done, or not

    async def broken(self) -> list[str]:
        """Return what the member cannot do, or does not find."""
        self.member.access_token = ""
        try:
            await identity.login(self.member)
            seen = (await self.member.request("GET", "/api/v1/profile/me"))["display_name"]
        except (aiohttp.ClientError, TimeoutError, JourneyError) as error:
            return [f"the member cannot use the platform: {error!r}"]
        return [] if not self.names or seen in self.names else [f"the profile says {seen!r}, not one of {self.names}"]

    async def leave(self) -> None:
        """Close the connections."""
        await self.http.close()
