"""Lockout: an attempt is reserved before the password is hashed, so parallel guesses cannot slip past the limit.

Counted in Redis per address (known or not, so that nothing is given away) and per client IP; a success gives its
reservation back.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from services.chassis.errors import ResourceUnavailableError, ServiceError
from services.identity.errors import LOCKED

MAX_PER_ACCOUNT = 5
MAX_PER_IP = 100
WINDOW_S = 15 * 60


@dataclass(frozen=True, slots=True)
class Reservation:
    """One reserved attempt. `last` means that the account is locked if this attempt fails."""

    account_key: str
    ip_key: str
    last: bool


class Lockout:
    """Counts failed attempts."""

    def __init__(self, redis: Redis) -> None:
        self._redis: Any = redis

    async def reserve(self, email: str, client_ip: str) -> Reservation:
        """Reserve an attempt. Raises `ServiceError(LOCKED)` with `Retry-After` when there is none left."""
        account_key = f"limits:identity:account:{_digest(email)}"
        ip_key = f"limits:identity:ip:{_digest(client_ip)}"
        try:
            async with self._redis.pipeline(transaction=True) as pipeline:
                for key in (account_key, ip_key):
                    pipeline.incr(key)
                    pipeline.expire(key, WINDOW_S, nx=True)
                    pipeline.ttl(key)
                by_account, _, account_ttl, by_ip, _, ip_ttl = await pipeline.execute()
        except (OSError, RedisError) as error:
            raise ResourceUnavailableError("redis") from error
        if by_account > MAX_PER_ACCOUNT or by_ip > MAX_PER_IP:
            wait_s = max(1, account_ttl if by_account > MAX_PER_ACCOUNT else ip_ttl)
            raise ServiceError(LOCKED, details={"retry_after_s": wait_s}, headers={"Retry-After": str(wait_s)})
        return Reservation(account_key, ip_key, last=by_account == MAX_PER_ACCOUNT)

    async def release(self, reservation: Reservation) -> None:
        """Give the attempt back after a success; the account starts anew."""
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.delete(reservation.account_key)
            pipeline.decr(reservation.ip_key)
            await pipeline.execute()

    @asynccontextmanager
    async def spared_in_outage(self, reservation: Reservation) -> AsyncIterator[None]:
        """Give the attempt back if the block fails for a fault of ours, or took longer than the client would wait.

        An outage must not lock people out. Never around what tells a right password from a wrong one: a guess counts.
        """
        try:
            yield
        except (ServiceError, asyncio.CancelledError) as error:
            if not isinstance(error, ServiceError) or error.code.status >= 500:
                with contextlib.suppress(OSError, RedisError):  # it may be what failed
                    async with self._redis.pipeline(transaction=True) as pipeline:
                        for key in (reservation.account_key, reservation.ip_key):
                            pipeline.decr(key)
                            pipeline.expire(key, WINDOW_S, nx=True)
                        await pipeline.execute()
            raise

    async def forget(self, email: str) -> None:
        """Unlock an account, after its password was reset."""
        await self._redis.delete(f"limits:identity:account:{_digest(email)}")


def _digest(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()[:32]
