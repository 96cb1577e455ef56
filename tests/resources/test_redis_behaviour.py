"""What the bus and the cache must do whichever driver runs them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from redis.exceptions import ResponseError

from .running import AUDIT, IDENTITY, SESSION, running
from .test_redis import EVENTS, client, denied, execute

if TYPE_CHECKING:
    from .running import Either

FOREIGN = (
    ("XADD", "bus:events:session.created", "*", "data", "{}"),  # neither published nor consumed by identity
    ("XRANGE", "bus:dead:session", "-", "+"),
    ("ZADD", "registry:session", "1", "member"),
    ("SET", "limits:session:login", "1"),
    ("SET", "lock:session:sweep", "1"),
    ("SET", "anything", "1"),
    ("PUBLISH", "elsewhere", "x"),
    ("FLUSHALL",),
    ("CONFIG", "GET", "*"),
    ("KEYS", "*"),
    ("ACL", "LIST"),
    ("SHUTDOWN",),
)


async def test_starts_provisions_twice_and_carries_an_event_from_publisher_to_consumer(either: Either) -> None:
    resources = either.build()
    bus = resources["redis"]
    async with running(bus):
        await bus.provision()
        async with client(bus.url_for(IDENTITY)) as publisher, client(bus.url_for(SESSION)) as consumer:
            await consumer.xgroup_create(EVENTS, "session", mkstream=True)
            await publisher.xadd(EVENTS, {"data": "{}"})
            read: Any = await consumer.xreadgroup("session", "session-0", {EVENTS: ">"}, count=1)
            [(_, [(entry, _)])] = read
            assert (await consumer.xautoclaim(EVENTS, "session", "session-1", min_idle_time=0))[1][0][0] == entry
            assert await consumer.xack(EVENTS, "session", entry) == 1


async def test_identity_may_not_touch_what_is_not_its_own(either: Either) -> None:
    bus = either.build()["redis"]
    async with running(bus):
        allowed = [command for command in FOREIGN if not await denied(bus.url_for(IDENTITY), *command)]
    assert not allowed


async def test_identity_may_use_what_is_its_own_and_read_every_registry(either: Either) -> None:
    resources = either.build()
    url = resources["redis"].url_for(IDENTITY)
    async with running(resources["redis"]), client(url) as redis:
        await redis.xadd("bus:dead:identity", {"error": "x"})
        await redis.zadd("registry:identity", {"identity-0": 1})
        await redis.zrange("registry:session", 0, -1)
        await redis.set("limits:identity:login", 1, px=1000)
        await redis.set("lock:identity:sweep", 1, nx=True)
        await redis.publish("registry", "changed")
        await redis.info()
        await redis.eval("return redis.call('GET', KEYS[1])", 1, "limits:identity:login")


async def test_each_service_has_its_own_prefix_in_the_cache(either: Either) -> None:
    resources = either.build()
    cache = resources["cache"]
    async with running(cache):
        async with client(cache.url_for(IDENTITY)) as redis:
            await redis.set("identity:user:1", "x")
        assert await denied(cache.url_for(SESSION), "GET", "identity:user:1")


async def test_nobody_gets_in_without_a_password_or_with_another_ones(either: Either) -> None:
    resources = either.build()
    bus, cache = resources["redis"], resources["cache"]
    async with running(bus):
        assert await denied(f"redis://127.0.0.1:{bus.ports[0]}/0", "PING")
        stolen = cache.url_for(IDENTITY).replace(str(cache.ports[0]), str(bus.ports[0]))
        assert await denied(stolen, "PING")


async def test_the_bus_never_evicts_and_writes_every_second_while_the_cache_keeps_nothing(either: Either) -> None:
    resources = either.build()
    wanted = {
        "redis": {"appendonly": "yes", "appendfsync": "everysec", "maxmemory-policy": "noeviction"},
        "cache": {"appendonly": "no", "save": "", "maxmemory-policy": "allkeys-lru", "maxmemory": str(64 << 20)},
    }
    for name, settings in wanted.items():
        async with running(resources[name]), client(resources[name].admin_url()) as operator:
            assert {key: (await operator.config_get(key))[key] for key in settings} == settings


async def test_events_survive_a_restart(either: Either) -> None:
    resources = either.build()
    bus = resources["redis"]
    for length in (1, 2):
        async with running(bus), client(bus.url_for(IDENTITY)) as redis:
            await redis.xadd(EVENTS, {"data": "{}"})
            assert await redis.xlen(EVENTS) == length


async def test_a_service_added_later_gets_in_and_nobody_elses_connection_is_closed(either: Either) -> None:
    first = either.build([IDENTITY])["redis"]
    async with running(first), client(first.url_for(IDENTITY)) as redis:
        number = await redis.client_id()
        larger = either.build([IDENTITY, AUDIT])["redis"]
        await larger.provision()
        assert await redis.client_id() == number
        assert not await denied(larger.url_for(AUDIT), "PING")


async def test_an_event_added_to_a_spec_is_allowed_after_provisioning_again(either: Either) -> None:
    first = either.build([IDENTITY])["redis"]
    async with running(first):
        grown = either.build([replace(IDENTITY, publishes=("user.created", "user.deleted"))])["redis"]
        assert await denied(first.url_for(IDENTITY), "XADD", "bus:events:user.deleted", "*", "a", "b")
        await grown.provision()
        assert not await denied(grown.url_for(IDENTITY), "XADD", "bus:events:user.deleted", "*", "a", "b")


async def test_scripts_and_client_names_of_the_library_are_allowed(either: Either) -> None:
    resources = either.build()
    bus = resources["redis"]
    async with running(bus), client(bus.url_for(IDENTITY) + "?client_name=identity-0&protocol=3") as redis:
        assert await redis.client_getname() == "identity-0"
        script = redis.register_script("return 1")
        assert await script(keys=["limits:identity:a"]) == 1
        with pytest.raises(ResponseError):
            await execute(redis, "CLIENT", "KILL", "TYPE", "normal")
