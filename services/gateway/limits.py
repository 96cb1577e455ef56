"""Rate limits: per IP, per user, and stricter per IP on routes that guess or send, counted in Redis for all replicas.

While Redis is away nothing is limited: the edge would rather serve than refuse everyone.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.aio.storage import RedisStorage
from limits.aio.strategies import FixedWindowRateLimiter
from redis.exceptions import RedisError

from services.chassis.errors import ServiceError
from services.chassis.logging import get_logger
from services.gateway.errors import RATE_LIMITED
from services.gateway.options import GatewayOptions

log = get_logger(__name__)

# Routes where each request is a guess or sends something to somebody.
SENSITIVE = frozenset(
    {
        "/api/v1/identity/login",
        "/api/v1/identity/login/mfa",
        "/api/v1/identity/register",
        "/api/v1/identity/password/forgot",
        "/api/v1/identity/password/reset",
        "/api/v1/identity/email/verify",
    }
)


@dataclass(frozen=True, slots=True)
class _Rule:
    item: RateLimitItem
    key: tuple[str, str]


class RateLimits:
    """Counts requests in fixed windows of a minute."""

    def __init__(self, redis_url: str, options: GatewayOptions) -> None:
        self._storage = RedisStorage(f"async+{redis_url}", implementation="redispy", key_prefix="limits:gateway")
        self._limiter = FixedWindowRateLimiter(self._storage)
        self._options = options

    async def check(self, client: str, user_id: str, path: str) -> dict[str, str]:
        """Count a request of a client (its network) to `path`, decoded; return the `RateLimit-*` headers.

        Source: draft-ietf-httpapi-ratelimit-headers.

        Raises `ServiceError(RATE_LIMITED)` with `Retry-After` (RFC 9110) when a limit is used up.
        """
        headers: dict[str, str] = {}
        try:
            for rule in self._rules(client, user_id, path):
                allowed = await self._limiter.hit(rule.item, *rule.key)
                window = await self._limiter.get_window_stats(rule.item, *rule.key)
                reset_s = max(1, round(window.reset_time - time.time()))
                headers = {
                    "RateLimit-Limit": str(rule.item.amount),
                    "RateLimit-Remaining": str(max(0, window.remaining)),
                    "RateLimit-Reset": str(reset_s),
                }
                if not allowed:
                    raise ServiceError(RATE_LIMITED, headers={**headers, "Retry-After": str(reset_s)})
        except (OSError, RedisError) as error:
            log.warning("rate limits not counted", error=repr(error))
        return headers

    def _rules(self, client: str, user_id: str, path: str) -> list[_Rule]:
        options = self._options
        rules = [(options.per_ip, ("ip", client))]
        if user_id:
            rules.append((options.per_user, ("user", user_id)))
        if path in SENSITIVE:
            rules.append((options.per_sensitive_route, (path, client)))
        return [_Rule(RateLimitItemPerMinute(limit), key) for limit, key in rules if limit]

    async def close(self) -> None:
        """Close the connection to Redis."""
        bridge: Any = self._storage.bridge  # the library opens the client and leaves closing it to us
        await bridge.storage.aclose()
