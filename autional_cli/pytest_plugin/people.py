"""Tenants and users that exist for one test.

There is no tenant service yet, and no service separates data by tenant: a tenant here is an id and an e-mail domain
that no other test has, so that users, mails and events of a test are its own. When there is one, `Tenant` is the place.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from autional_cli.errors import AutionalError
from autional_cli.journeys import steps
from services.chassis.clock import new_id
from services.chassis.journey import Traveller

if TYPE_CHECKING:
    from autional_cli.pytest_plugin.room import Room
    from autional_cli.pytest_plugin.running import Platform

NEEDED = ("gateway", "identity", "session", "notification")
JOINING = ("identity.register", "identity.verify_email", "identity.login")
TOGETHER = 4  # users that register at the same time; each registration hashes a password
JOIN_S = 120.0


@dataclass(frozen=True, slots=True)
class Tenant:
    """A tenant of one test."""

    id: str = field(default_factory=lambda: str(new_id()))
    domain: str = field(default_factory=lambda: f"t{secrets.token_hex(6)}.example.com")

    def email(self, name: str = "") -> str:
        """Return an address of this tenant; without a name, one that was not used before."""
        return f"{name or 'user.' + secrets.token_hex(4)}@{self.domain}"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A registered, verified, signed-in user."""

    id: str
    email: str
    password: str = field(repr=False)
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    tenant: Tenant

    @property
    def headers(self) -> dict[str, str]:
        """What any HTTP client must send to be this user."""
        return {"authorization": f"Bearer {self.access_token}"}


def join(platform: Platform, room: Room, tenant: Tenant, number: int = 1) -> list[User]:
    """Register, verify and sign in so many users. AutionalError if the stack lacks what that takes."""
    missing = [name for name in NEEDED if name not in platform.services]
    if missing:
        raise AutionalError(
            f"users need {', '.join(missing)}, which this platform does not run",
            hint="choose another stack: --platform-stack login",
        )
    return room.run(_join_all(platform, room, tenant, number), timeout_s=JOIN_S)


async def _join_all(platform: Platform, room: Room, tenant: Tenant, number: int) -> list[User]:
    turn = asyncio.Semaphore(TOGETHER)
    return await asyncio.gather(*(_join(platform, room, tenant, turn) for _ in range(number)))


async def _join(platform: Platform, room: Room, tenant: Tenant, turn: asyncio.Semaphore) -> User:
    async with turn:
        traveller = Traveller(
            gateway=platform.gateway, session=await room.http(), post=postbox(platform), email=tenant.email()
        )
        declared = {step.name: step for step in steps(("identity",))}
        for name in JOINING:
            await declared[name].run(traveller)
    return User(
        id=traveller.facts["user_id"],
        email=traveller.email,
        password=traveller.password,
        access_token=traveller.access_token,
        refresh_token=traveller.refresh_token,
        tenant=tenant,
    )


def postbox(platform: Platform) -> Any:
    """Return a reader of the platform's mail."""
    from autional_cli.resources.mailbox import MailboxReader

    return MailboxReader(platform.instance.data_dir / "mailbox")
