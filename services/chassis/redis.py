"""Redis connections: one for the bus and registry, one for the cache; both give up and reconnect by themselves."""

from __future__ import annotations

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff

_CONNECT_S = 2.0
_ANSWER_S = 15.0  # longer than the longest blocking read


def connect(url: str, *, name: str) -> Redis:
    """Return a client for `url`; nothing is connected until the first command."""
    return Redis.from_url(
        url,
        protocol=2,  # the answers have one shape in every release of the library only here
        client_name=name,
        socket_connect_timeout=_CONNECT_S,
        socket_timeout=_ANSWER_S,
        socket_keepalive=True,
        health_check_interval=30,
        retry=Retry(ExponentialBackoff(cap=0.5, base=0.02), 3),
        decode_responses=False,
        driver_info=None,  # else every new connection looks its own version up on the disk
    )
