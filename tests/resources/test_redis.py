"""The embedded Redis-protocol servers, as real servers: the bus and the cache."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, NoPermissionError, ResponseError

from autional_cli.errors import AutionalError
from autional_cli.instance import Instance

from .running import AUDIT, IDENTITY, READY_S, SESSION, build, log_of, running, snapshot, start

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from autional_cli.drivers.base import Resource

EVENTS = "bus:events:user.created"


@asynccontextmanager
async def client(url: str) -> AsyncIterator[Redis]:
    connection = Redis.from_url(url, decode_responses=True, socket_timeout=5)
    try:
        yield connection
    finally:
        await connection.aclose()


async def execute(redis: Any, *command: str) -> Any:
    return await redis.execute_command(*command)


async def denied(url: str, *command: str) -> bool:
    async with client(url) as redis:
        try:
            await execute(redis, *command)
        except (NoPermissionError, AuthenticationError):
            return True
        return False


async def test_starts_provisions_twice_and_carries_an_event_from_publisher_to_consumer(
    empty: dict[str, Resource],
) -> None:
    bus = empty["redis"]
    async with running(bus):
        await bus.provision()
        async with client(bus.url_for(IDENTITY)) as publisher, client(bus.url_for(SESSION)) as consumer:
            await consumer.xgroup_create(EVENTS, "session", mkstream=True)
            await publisher.xadd(EVENTS, {"data": "{}"})
            read: Any = await consumer.xreadgroup("session", "session-0", {EVENTS: ">"}, count=1)
            [(_, [(entry, _)])] = read
            assert (await consumer.xautoclaim(EVENTS, "session", "session-1", min_idle_time=0))[1][0][0] == entry
            assert await consumer.xack(EVENTS, "session", entry) == 1


@pytest.mark.parametrize(
    "command",
    [
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
    ],
)
async def test_identity_may_not_touch_what_is_not_its_own(empty: dict[str, Resource], command: tuple[str, ...]) -> None:
    async with running(empty["redis"]):
        assert await denied(empty["redis"].url_for(IDENTITY), *command)


async def test_identity_may_use_what_is_its_own_and_read_every_registry(empty: dict[str, Resource]) -> None:
    url = empty["redis"].url_for(IDENTITY)
    async with running(empty["redis"]), client(url) as redis:
        await redis.xadd("bus:dead:identity", {"error": "x"})
        await redis.zadd("registry:identity", {"identity-0": 1})
        await redis.zrange("registry:session", 0, -1)
        await redis.set("limits:identity:login", 1, px=1000)
        await redis.set("lock:identity:sweep", 1, nx=True)
        await redis.publish("registry", "changed")
        await redis.publish("invalidate:identity", "user-1")
        await redis.info()
        await redis.eval("return redis.call('GET', KEYS[1])", 1, "limits:identity:login")


async def test_each_service_has_its_own_prefix_in_the_cache(empty: dict[str, Resource]) -> None:
    cache = empty["cache"]
    async with running(cache):
        async with client(cache.url_for(IDENTITY)) as redis:
            await redis.set("identity:user:1", "x")
        assert await denied(cache.url_for(SESSION), "GET", "identity:user:1")


async def test_nobody_gets_in_without_a_password_or_with_another_ones(empty: dict[str, Resource]) -> None:
    bus, cache = empty["redis"], empty["cache"]
    async with running(bus):
        assert await denied(f"redis://127.0.0.1:{bus.ports[0]}/0", "PING")
        stolen = cache.url_for(IDENTITY).replace(str(cache.ports[0]), str(bus.ports[0]))
        assert await denied(stolen, "PING")


async def test_the_bus_never_evicts_and_writes_every_second_while_the_cache_keeps_nothing(
    empty: dict[str, Resource],
) -> None:
    wanted = {
        "redis": {"appendonly": "yes", "appendfsync": "everysec", "maxmemory-policy": "noeviction"},
        "cache": {"appendonly": "no", "save": "", "maxmemory-policy": "allkeys-lru", "maxmemory": str(64 << 20)},
    }
    for name, settings in wanted.items():
        async with running(empty[name]), client(empty[name].admin_url()) as operator:
            assert {key: (await operator.config_get(key))[key] for key in settings} == settings


async def test_events_survive_a_restart(empty: dict[str, Resource]) -> None:
    bus = empty["redis"]
    for length in (1, 2):
        async with running(bus), client(bus.url_for(IDENTITY)) as redis:
            await redis.xadd(EVENTS, {"data": "{}"})
            assert await redis.xlen(EVENTS) == length


async def test_events_survive_kill_9(empty: dict[str, Resource]) -> None:
    bus = empty["redis"]
    async with running(bus) as server, client(bus.url_for(IDENTITY)) as redis:
        await redis.xadd(EVENTS, {"data": "{}"})
        await server.kill()
    async with running(bus), client(bus.url_for(IDENTITY)) as redis:
        assert await redis.xlen(EVENTS) == 1


async def test_an_append_only_file_that_a_crash_cut_short_loads_up_to_the_cut(
    empty: dict[str, Resource], instance: Instance
) -> None:
    bus = empty["redis"]
    async with running(bus), client(bus.url_for(IDENTITY)) as redis:
        await redis.xadd(EVENTS, {"data": "first"})
        await redis.xadd(EVENTS, {"data": "second"})
    [log] = (instance.data_dir / "redis" / "appendonlydir").glob("*.incr.aof")
    log.write_bytes(log.read_bytes()[:-5])
    async with running(bus), client(bus.url_for(IDENTITY)) as redis:
        assert await redis.xlen(EVENTS) == 1


async def test_a_corrupt_append_only_file_stops_the_start_and_is_left_alone(
    empty: dict[str, Resource], instance: Instance
) -> None:
    bus = empty["redis"]
    async with running(bus), client(bus.url_for(IDENTITY)) as redis:
        await redis.xadd(EVENTS, {"data": "first"})
    [log] = (instance.data_dir / "redis" / "appendonlydir").glob("*.incr.aof")
    log.write_bytes(b"*not redis*\r\n" * 4)
    before = snapshot(log.parent)
    await bus.prepare()
    spec = bus.process()
    assert spec is not None
    server = await start(spec)
    assert await server.process.wait() == 1
    assert "Bad file format reading the append only file" in log_of(spec)
    assert snapshot(log.parent) == before


async def test_a_foreign_directory_is_named_and_left_alone(empty: dict[str, Resource], instance: Instance) -> None:
    folder = instance.data_dir / "redis"
    folder.mkdir()
    (folder / "dump.rdb").write_bytes(b"REDIS0011")
    before = snapshot(folder)
    with pytest.raises(AutionalError, match="holds files that Autional did not put there"):
        empty["redis"].inspect()
    assert snapshot(folder) == before


async def test_a_service_added_later_gets_in_and_nobody_elses_connection_is_closed(instance: Instance) -> None:
    first = build(instance, [IDENTITY])["redis"]
    async with running(first), client(first.url_for(IDENTITY)) as redis:
        number = await redis.client_id()
        larger = build(instance, [IDENTITY, AUDIT])["redis"]
        await larger.provision()
        assert await redis.client_id() == number
        assert not await denied(larger.url_for(AUDIT), "PING")


async def test_an_event_added_to_a_spec_is_allowed_after_provisioning_again(instance: Instance) -> None:
    first = build(instance, [IDENTITY])["redis"]
    async with running(first):
        grown = build(instance, [replace(IDENTITY, publishes=("user.created", "user.deleted"))])["redis"]
        assert await denied(first.url_for(IDENTITY), "XADD", "bus:events:user.deleted", "*", "a", "b")
        await grown.provision()
        assert not await denied(grown.url_for(IDENTITY), "XADD", "bus:events:user.deleted", "*", "a", "b")


async def test_settings_of_the_stack_reach_the_server_but_cannot_move_it(instance: Instance) -> None:
    bus = build(instance, redis={"maxmemory": "128mb", "bind": "0.0.0.0"})["redis"]
    async with running(bus), client(bus.admin_url()) as operator:
        assert (await operator.config_get("maxmemory"))["maxmemory"] == str(128 << 20)
        assert (await operator.config_get("bind"))["bind"] == "127.0.0.1"


async def test_a_setting_that_the_server_does_not_know_is_shown_in_its_log(instance: Instance) -> None:
    bus = build(instance, redis={"no-such-setting": 1})["redis"]
    await bus.prepare()
    spec = bus.process()
    assert spec is not None
    assert await (await start(spec)).process.wait() == 1
    assert "no-such-setting" in log_of(spec)


async def test_passwords_are_on_disk_as_hashes_in_private_files(empty: dict[str, Resource], instance: Instance) -> None:
    bus = empty["redis"]
    await bus.prepare()
    folder = instance.data_dir / "redis"
    for path in (folder / "valkey.conf", folder / "users.acl"):
        assert path.stat().st_mode & 0o777 == 0o600
        for url in (bus.admin_url(), bus.url_for(IDENTITY)):
            assert url.split(":")[2].split("@")[0] not in path.read_text()


async def test_waiting_for_a_server_that_loads_says_so(empty: dict[str, Resource]) -> None:
    with pytest.raises(AutionalError, match=r"redis on 127\.0\.0\.1:\d+ did not answer within 0\.2 s"):
        await empty["redis"].wait_ready(0.2)


async def test_scripts_and_client_names_of_the_library_are_allowed(empty: dict[str, Resource]) -> None:
    bus = empty["redis"]
    async with running(bus), client(bus.url_for(IDENTITY) + "?client_name=identity-0&protocol=3") as redis:
        assert await redis.client_getname() == "identity-0"
        script = redis.register_script("return 1")
        assert await script(keys=["limits:identity:a"]) == 1
        with pytest.raises(ResponseError):
            await execute(redis, "CLIENT", "KILL", "TYPE", "normal")


async def test_readiness_is_quick(empty: dict[str, Resource]) -> None:
    async with running(empty["cache"]):
        await empty["cache"].wait_ready(READY_S)
