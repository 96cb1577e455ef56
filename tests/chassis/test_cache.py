"""The two-level cache, on two processes' worth of connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import Redis

from services.chassis.cache import Cache, channel
from services.chassis.errors import ResourceUnavailableError
from services.chassis.redis import connect
from tests.chassis.events import eventually
from tests.chassis.servers import Servers


class Source:
    """The truth behind the cache, counting how often it is asked."""

    def __init__(self, value: Any = "old") -> None:
        self.value = value
        self.loads = 0

    async def load(self) -> Any:
        self.loads += 1
        return self.value


async def listening(redis: Redis, cache: Cache, count: int) -> None:
    await cache.start()
    await subscribed(redis, count)


async def subscribed(redis: Any, count: int) -> None:
    async def heard() -> bool:
        return bool((await redis.pubsub_numsub(channel("probe", "things")))[0][1] == count)

    await eventually(heard, f"{count} caches listen")


@pytest.fixture
async def other_redis(servers: Servers, cache_redis: Redis) -> AsyncIterator[Redis]:
    """The connections of another process."""
    async with connect(servers.settings(replica=1).cache_url.get_secret_value(), name="probe-1") as client:
        yield client


@pytest.fixture
async def cache(cache_redis: Redis) -> AsyncIterator[Cache]:
    found = Cache(cache_redis, "probe", "things")
    await listening(cache_redis, found, 1)
    yield found
    await found.stop()


@pytest.fixture
async def other(cache: Cache, other_redis: Redis) -> AsyncIterator[Cache]:
    found = Cache(other_redis, "probe", "things")
    await listening(other_redis, found, 2)
    yield found
    await found.stop()


async def test_a_value_is_loaded_once_for_all_processes(cache: Cache, other: Cache) -> None:
    source = Source()
    for each in (cache, other, cache, other):
        assert await each.get("k", source.load) == "old"
    assert source.loads == 1


async def test_the_local_level_answers_without_redis(servers: Servers, cache: Cache) -> None:
    source = Source()
    await cache.get("k", source.load)
    async with connect(servers.operator_url("cache"), name="tests") as operator:
        await operator.delete("probe:things:k")
    assert await cache.get("k", source.load) == "old"
    assert source.loads == 1


async def test_nothing_is_not_kept(cache: Cache) -> None:
    source = Source(None)
    assert await cache.get("k", source.load) is None
    source.value = "now"
    assert await cache.get("k", source.load) == "now"


async def test_an_invalidation_reaches_the_other_process(cache: Cache, other: Cache) -> None:
    """Which would keep what it has for a minute."""
    source = Source()
    await cache.get("k", source.load)
    await other.get("k", source.load)
    source.value = "new"
    await cache.invalidate("k")
    await eventually(lambda: _is(other, source, "new"), "the other process sees the new value")
    assert await cache.get("k", source.load) == "new"


async def test_a_reader_who_loaded_the_old_value_cannot_write_it_back(cache: Cache, other: Cache) -> None:
    loaded, go_on = asyncio.Event(), asyncio.Event()

    async def slow_load() -> str:
        loaded.set()
        await go_on.wait()
        return "old"

    reader = asyncio.create_task(other.get("k", slow_load))
    await loaded.wait()
    await cache.invalidate("k")
    go_on.set()
    assert await reader == "old"  # its own request began before the change
    fresh = Source("new")
    assert await cache.get("k", fresh.load) == "new"
    assert await other.get("k", fresh.load) == "new"


async def test_while_announcements_cannot_be_heard_the_local_level_is_not_trusted(
    servers: Servers, cache_redis: Redis, cache: Cache
) -> None:
    source = Source()
    await cache.get("k", source.load)
    await servers["cache"].kill()
    try:
        source.value = "new"
        await eventually(lambda: _is(cache, source, "new"), "the source is asked")
        loads = source.loads
        await cache.get("k", source.load)
        assert source.loads == loads + 1  # every time
        with pytest.raises(ResourceUnavailableError):
            await cache.invalidate("k")
    finally:
        await servers["cache"].start()
    await subscribed(cache_redis, 1)


async def test_what_was_loaded_while_nothing_could_be_heard_is_not_trusted_afterwards(
    servers: Servers, cache_redis: Redis, cache: Cache
) -> None:
    source = Source()
    await cache.get("k", source.load)
    await servers["cache"].kill()
    try:
        source.value = "between"
        await eventually(lambda: _is(cache, source, "between"), "it is loaded from the source")
        source.value = "new"  # changed, and the announcement could not be heard
    finally:
        await servers["cache"].start()
    await subscribed(cache_redis, 1)
    await eventually(lambda: _is(cache, source, "new"), "the change is seen")
    assert await cache.get("k", source.load) == "new"


async def test_the_local_level_is_bounded(servers: Servers, cache_redis: Redis) -> None:
    small = Cache(cache_redis, "probe", "things", size=2, shared_s=0)
    await listening(cache_redis, small, 1)
    source = Source()
    for key in ("a", "b", "c"):
        await small.get(key, source.load)
    await small.get("c", source.load)
    assert source.loads == 3
    await small.get("a", source.load)
    assert source.loads == 4
    await small.stop()


async def test_a_cache_without_a_shared_level_leaves_redis_alone(cache_redis: Redis) -> None:
    local = Cache(cache_redis, "probe", "things", shared_s=0)
    await listening(cache_redis, local, 1)
    await local.get("k", Source().load)
    assert await cache_redis.exists("probe:things:k") == 0
    await local.stop()


async def _is(cache: Cache, source: Source, value: str) -> bool:
    return bool(await cache.get("k", source.load) == value)
