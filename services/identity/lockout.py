"""Lockout: an attempt is reserved before the password is hashed, so parallel guesses cannot slip past the limit.

Counted in Redis for all replicas. Whom a guesser can hurt is the guesser:

- An account takes five failed attempts in fifteen minutes, known or not, so that nothing is given away. A network from
  which its owner has signed in before is counted apart, so that nobody else's guesses lock the owner out (OWASP
  Authentication Cheat Sheet, device cookies; here the network takes the part of the cookie).
- A network that failed a hundred times is slowed down, by a pause that doubles with each further failure up to a
  minute. Accounts that have signed in from there before are spared, and an attempt that was refused counts for nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from services.chassis.address import network
from services.chassis.errors import TOO_MANY_REQUESTS, ErrorCode, ResourceUnavailableError, ServiceError
from services.chassis.logging import get_logger
from services.identity.errors import LOCKED

log = get_logger(__name__)

MAX_PER_ACCOUNT = 5
MAX_PER_NETWORK = 100
WINDOW_S = 15 * 60
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
KNOWN_S = 30 * 24 * 3600
_PREFIX = "limits:identity"

# KEYS: account, account from this network, network, pause of the network, "has signed in from here"
# ARGV: most per account, most per network, window (s), first pause (ms), longest pause (ms)
# Returns 1, attempts, 1 if known, 1 if this attempt began a pause; or 0, milliseconds to wait, 1 if it is the account.
_RESERVE = """
local known = redis.call('EXISTS', KEYS[5])
local counter = known == 1 and KEYS[2] or KEYS[1]
if tonumber(redis.call('GET', counter) or '0') >= tonumber(ARGV[1]) then
  return {0, redis.call('PTTL', counter), 1}
end
if known == 0 then
  local wait = redis.call('PTTL', KEYS[4])
  if wait > 0 then return {0, wait, 0} end
end
local attempts = redis.call('INCR', counter)
redis.call('EXPIRE', counter, ARGV[3], 'NX')
if known == 1 then return {1, attempts, 1, 0} end
local failures = redis.call('INCR', KEYS[3])
redis.call('EXPIRE', KEYS[3], ARGV[3], 'NX')
local beyond = failures - tonumber(ARGV[2])
if beyond <= 0 then return {1, attempts, 0, 0} end
local pause = math.min(tonumber(ARGV[4]) * 2 ^ math.min(beyond - 1, 30), tonumber(ARGV[5]))
redis.call('SET', KEYS[4], '1', 'PX', string.format('%.0f', pause))
return {1, attempts, 0, 1}
"""

# KEYS: the counters of an attempt. Those that are gone stay gone.
_GIVE_BACK = """
for _, key in ipairs(KEYS) do
  if tonumber(redis.call('GET', key) or '0') > 0 then redis.call('DECR', key) end
end
"""


@dataclass(frozen=True, slots=True)
class Reservation:
    """One reserved attempt. `last` means that the account is locked if this attempt fails."""

    counter: str
    network: str
    pause: str
    known: str
    last: bool
    is_known: bool
    began_pause: bool


class Lockout:
    """Counts failed attempts. Pauses of a network are seconds."""

    def __init__(
        self, redis: Redis, *, first_pause_s: float = FIRST_PAUSE_S, longest_pause_s: float = LONGEST_PAUSE_S
    ) -> None:
        self._redis: Any = redis
        self._pauses_ms = (round(first_pause_s * 1000), round(longest_pause_s * 1000))
        self._reserve: Any = redis.register_script(_RESERVE)
        self._give_back: Any = redis.register_script(_GIVE_BACK)

    async def reserve(self, email: str, client_ip: str) -> Reservation:
        """Reserve an attempt.

        Raises `LOCKED` when the account, or `TOO_MANY_REQUESTS` when the network has none left, with `Retry-After`.
        """
        account, place = _digest(email), network(client_ip)
        pair = _digest(f"{email} {place}")
        keys = [
            f"{_PREFIX}:account:{account}",
            f"{_PREFIX}:pair:{pair}",
            f"{_PREFIX}:network:{_digest(place)}",
            f"{_PREFIX}:pause:{_digest(place)}",
            f"{_PREFIX}:known:{pair}",
        ]
        limits = [MAX_PER_ACCOUNT, MAX_PER_NETWORK, WINDOW_S, *self._pauses_ms]
        try:
            taken, number, flag, *began = await self._reserve(keys=keys, args=limits)
        except (OSError, RedisError) as error:
            raise ResourceUnavailableError("redis") from error
        if not taken:
            raise _refusal(LOCKED if flag else TOO_MANY_REQUESTS, number)
        counter = keys[1] if flag else keys[0]
        return Reservation(
            counter, keys[2], keys[3], keys[4], number == MAX_PER_ACCOUNT, bool(flag), bool(began and began[0])
        )

    async def release(self, reservation: Reservation) -> None:
        """Give the attempt back after a success; the account starts anew, and is known at this network.

        The sign-in has succeeded: while Redis refuses, it counts as an attempt.
        """
        with _best_effort("attempt not given back"):
            async with self._redis.pipeline(transaction=True) as pipeline:
                pipeline.delete(reservation.counter)
                pipeline.set(reservation.known, "1", ex=KNOWN_S)
                if not reservation.is_known:
                    await self._give_back(keys=[reservation.network], client=pipeline)
                if reservation.began_pause:
                    pipeline.delete(reservation.pause)
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
                with _best_effort("attempt not given back"):
                    counters = [reservation.counter, *([] if reservation.is_known else [reservation.network])]
                    await self._give_back(keys=counters)
                    if reservation.began_pause:
                        await self._redis.delete(reservation.pause)
            raise

    async def forget(self, email: str) -> None:
        """Unlock an account, after its password was reset."""
        with _best_effort("account not unlocked"):
            await self._redis.delete(f"{_PREFIX}:account:{_digest(email)}")


@contextlib.contextmanager
def _best_effort(what: str) -> Iterator[None]:
    try:
        yield
    except (OSError, RedisError) as error:  # it may be what failed
        log.warning(what, error=repr(error))


def _refusal(code: ErrorCode, wait_ms: int) -> ServiceError:
    wait_s = max(1, -(-wait_ms // 1000))
    return ServiceError(code, details={"retry_after_s": wait_s}, headers={"Retry-After": str(wait_s)})


def _digest(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()[:32]
