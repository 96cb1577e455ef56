"""Replicas come, go and crash, and everybody who calls them knows."""

from __future__ import annotations

import time
from typing import Any

from services.chassis.redis import connect
from services.chassis.registry import Directory, Registration
from tests.chassis.calling import caller, registered
from tests.chassis.events import eventually
from tests.chassis.servers import GATEWAY, WITNESS, Servers


async def test_a_replica_is_known_to_callers_when_it_joins_and_forgotten_when_it_leaves(
    servers: Servers, bus: Any
) -> None:
    async with caller(servers) as calling:
        assert calling.directory.pick("probe") is None
        started = time.monotonic()
        async with registered(servers, 0, 1):
            await calling.sees(2)
        await calling.sees(0)
        assert time.monotonic() - started < 5  # by announcement, not by the refresh


async def test_the_lease_of_a_crashed_replica_expires(servers: Servers, bus: Any) -> None:
    settings = servers.settings()
    async with caller(servers, refresh_s=0.2) as calling:
        async with connect(settings.bus_url.get_secret_value(), name="doomed") as connection:
            doomed = Registration(settings, connection, lease_s=0.6)
            await doomed.start()
            await calling.sees(1)
            heart = doomed._heart
            assert heart is not None
            heart.cancel()  # kill -9 leaves just this: no renewal and no leaving
        await calling.sees(0)


async def test_a_living_replica_keeps_its_lease(servers: Servers, bus: Any) -> None:
    async with registered(servers, 0, lease_s=0.3), caller(servers, refresh_s=0.1) as calling:
        await calling.sees(1)
        first = await bus.zrange("registry:probe", 0, -1, withscores=True)

        async def renewed() -> bool:
            now = await bus.zrange("registry:probe", 0, -1, withscores=True)
            return bool(now[0][1] > first[0][1] + 600)  # three renewals, two lease times

        await eventually(renewed, "the lease is renewed")
        await calling.directory.refresh()
        await calling.sees(1)


async def test_a_restarted_replica_replaces_its_predecessor(servers: Servers, bus: Any) -> None:
    await bus.zadd("registry:probe", {b'["probe-0","http://127.0.0.1:1","127.0.0.1:2",1]': 9e12})
    async with registered(servers, 0), caller(servers) as calling:
        await calling.sees(1)
        picked = calling.directory.pick("probe")
        assert picked is not None
        assert picked.http == f"http://127.0.0.1:{servers.settings().http_port}"


async def test_a_registry_that_lost_its_data_is_filled_again_and_the_callers_hear_of_it(
    servers: Servers, bus: Any
) -> None:
    async with registered(servers, 0, lease_s=0.6), caller(servers) as calling:
        await calling.sees(1)
        async with connect(servers.operator_url("redis"), name="tests") as operator:
            await operator.flushall()
        await calling.directory.refresh()
        await calling.sees(1)


async def test_calls_take_turns_and_pass_over_a_replica_that_just_failed(servers: Servers, bus: Any) -> None:
    async with registered(servers, 0, 1), caller(servers) as calling:
        await calling.sees(2)
        failed = calling.directory.pick("probe")
        assert failed is not None
        calling.directory.avoid(failed)
        picked = {r.id for r in (calling.directory.pick("probe") for _ in range(6)) if r}
        assert picked == {"probe-0", "probe-1"} - {failed.id}


async def test_the_last_replica_is_tried_though_it_just_failed(servers: Servers, bus: Any) -> None:
    async with registered(servers, 0), caller(servers) as calling:
        await calling.sees(1)
        only = calling.directory.pick("probe")
        assert only is not None
        calling.directory.avoid(only)
        assert calling.directory.pick("probe") == only
        assert calling.directory.pick("probe", without=frozenset({only.id})) is None


async def test_the_gateway_sees_every_service(servers: Servers, bus: Any) -> None:
    edge = servers.settings(GATEWAY)
    async with connect(edge.bus_url.get_secret_value(), name="gateway") as connection:
        directory = Directory(connection, ("session",), everyone=True)
        await directory.start()

        async def lists(*names: str) -> bool:
            return directory.services() == sorted(names)

        async with registered(servers, 0):
            await eventually(lambda: lists("probe"), "probe is listed")
            witness = servers.settings(WITNESS)
            async with connect(witness.bus_url.get_secret_value(), name="witness") as second:
                lease = Registration(witness, second)
                await lease.start()
                await eventually(lambda: lists("probe", "witness"), "witness is listed")
                await lease.stop()
                await eventually(lambda: lists("probe"), "witness is gone")
        assert directory.knows("witness")
        assert not directory.knows("nobody")
        await directory.stop()


async def test_the_last_view_is_used_while_the_registry_is_away(servers: Servers, bus: Any) -> None:
    async with registered(servers, 0), caller(servers) as calling:
        await calling.sees(1)
        await servers["redis"].kill()
        try:
            assert calling.directory.pick("probe") is not None
        finally:
            await servers["redis"].start()
