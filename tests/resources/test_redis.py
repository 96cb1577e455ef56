"""The embedded Redis-protocol servers, as real servers: the bus and the cache."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, NoPermissionError

from autional_cli.errors import AutionalError
from autional_cli.instance import Instance

from .running import IDENTITY, READY_S, build, log_of, running, snapshot, start

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


async def test_readiness_is_quick(empty: dict[str, Resource]) -> None:
    async with running(empty["cache"]):
        await empty["cache"].wait_ready(READY_S)
