"""How a real service process stops."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import aiohttp
import grpc
import pytest
from redis.asyncio import Redis

from services.chassis.db import Database
from services.chassis.http import Health
from services.chassis.rpc_health import RpcHealth, ServingStatus
from services.chassis.watchdog import FORCED_EXIT
from tests.chassis.events import deliver, effects, event, eventually, on_bus, pending, waiting
from tests.chassis.processes import probe
from tests.chassis.servers import OTHER, PROBE, Servers

STEPS = ["readiness", "lame-duck", "intake", "listeners", "jobs", "outbox"]
CLEANUPS = ["last", "first", "database", "client", "cache", "bus"]  # without those that come from the start


async def status(http: aiohttp.ClientSession, path: str) -> int:
    async with http.get(path) as answer:
        await answer.read()
        return answer.status


async def test_a_drain_loses_nothing_and_goes_step_by_step(
    servers: Servers, db: Database, bus: Redis, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    async with probe(servers, tmp_path, AUTIONAL_LAME_DUCK_S="1.5") as process, http:
        await process.ready()
        assert await status(http, "/readyz") == 200
        assert await bus.zcard("registry:probe") == 1
        slow = asyncio.create_task(http.post("/v1/internal/slow"))
        await process.gates.arrived("slow")
        await deliver(bus, event("consumed while draining"))
        await process.gates.arrived("consume")
        async with http.get("/v1/internal/ping") as before:
            assert "connection" not in before.headers

        process.child.terminate()
        await process.notifications.until("STOPPING")
        await eventually(lambda: _is(http, "/readyz", 503), "readiness is withdrawn")
        assert await status(http, "/healthz") == 200
        assert await _rpc_status(servers) == ServingStatus.NOT_SERVING
        async with http.get("/v1/internal/ping") as during:
            assert (during.status, during.headers["connection"]) == (200, "close")
        await eventually(lambda: _left(bus), "the replica has left the registry")

        process.gates.open("consume")
        await eventually(lambda: _refuses(servers), "the listener is closed")
        process.gates.open("slow")
        async with await slow as answer:
            assert (await answer.json())["data"] == "finished"
            assert answer.headers["connection"] == "close"  # though it began before the drain
        said = await process.report()
        assert await process.ended() == 0
    assert (said["in_flight"], said["completed"], said["aborted"], said["unacked"]) == (2, 2, 0, 0)
    report = said["steps"]
    assert [step["name"] for step in report if not step["name"].startswith("cleanup:")] == [*STEPS, "telemetry"]
    assert [step["name"] for step in report if not step["ok"]] == []
    named = [step["name"].removeprefix("cleanup:") for step in report if step["name"].startswith("cleanup:")]
    assert [name for name in named if name in CLEANUPS] == CLEANUPS
    assert await effects(db) == ["consumed while draining"]
    assert await pending(bus) == 0
    assert [e.subject for e in await on_bus(bus, OTHER)] == ["published while draining"]
    assert await waiting(db) == 0


async def test_cleanups_that_fail_or_hang_are_named_and_not_in_the_way(
    servers: Servers, db: Database, bus: Redis, tmp_path: Path
) -> None:
    async with probe(servers, tmp_path, PROBE_TROUBLE="cleanups") as process:
        await process.ready()
        process.child.terminate()
        report = {step["name"]: step for step in (await process.report())["steps"]}
        assert await process.ended() == 0
    assert {name for name, step in report.items() if not step["ok"]} == {"cleanup:fails", "cleanup:hangs"}
    assert report["cleanup:fails"]["detail"] == "RuntimeError('cannot close')"
    assert report["cleanup:hangs"]["detail"] == "not finished after 0.2 s"
    assert report["cleanup:first"]["ok"]  # it comes after them


async def test_a_drain_that_blocks_the_loop_is_forced_to_end(
    servers: Servers, db: Database, bus: Redis, tmp_path: Path
) -> None:
    trouble = {"PROBE_TROUBLE": "blocking-cleanup", "AUTIONAL_SHUTDOWN_TIMEOUT_S": "1"}
    async with probe(servers, tmp_path, **trouble) as process:
        await process.ready()
        process.child.terminate()
        assert await process.ended() == FORCED_EXIT
    said = (tmp_path / "probe.out").read_text()
    assert "forced exit" in said
    assert "probe/service.py" in said  # the stacks say where it was stuck


async def test_a_loop_that_was_blocked_before_the_signal_came_is_forced_to_end_as_well(
    servers: Servers, db: Database, bus: Redis, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    async with probe(servers, tmp_path, AUTIONAL_SHUTDOWN_TIMEOUT_S="1") as process, http:
        await process.ready()
        blocking = asyncio.create_task(http.post("/v1/internal/block"))
        await process.gates.arrived("block")
        await eventually(lambda: _hangs(servers), "the loop is blocked")
        process.child.terminate()
        assert await process.ended() == FORCED_EXIT
        with pytest.raises(aiohttp.ClientError):
            await blocking
        report = await process.report()  # from the watchdog: the loop says nothing any more
    assert (report["in_flight"], report["aborted"]) == (1, 1)
    assert report["lost"][0]["name"] == "POST /v1/internal/block"
    assert report["steps"][-1]["detail"] == "forced exit"
    assert "forced exit" in (tmp_path / "probe.out").read_text()


async def test_a_stop_during_the_start_ends_cleanly_and_without_a_lame_duck(
    servers: Servers, db: Database, bus: Redis, tmp_path: Path
) -> None:
    async with probe(servers, tmp_path, PROBE_TROUBLE="start", AUTIONAL_LAME_DUCK_S="9") as process:
        await process.gates.arrived("start")
        started = time.monotonic()
        process.child.terminate()
        report = await process.report()
        assert await process.ended() == 0
        assert time.monotonic() - started < 5
        assert "lame-duck" not in [step["name"] for step in report["steps"]]
        assert not any("READY" in message for message in process.notifications.said)
    assert await bus.zcard("registry:probe") == 0


async def test_a_taken_port_is_said_and_ends_the_process(
    servers: Servers, db: Database, bus: Redis, tmp_path: Path
) -> None:
    taken = await asyncio.start_server(lambda *_: None, "127.0.0.1", servers.settings().http_port)
    async with taken, probe(servers, tmp_path) as process:
        assert await process.ended() == 1
    assert "start failed: OSError" in (tmp_path / "probe.out").read_text()


async def test_an_incomplete_environment_is_named_variable_by_variable(servers: Servers, tmp_path: Path) -> None:
    async with probe(servers, tmp_path, AUTIONAL_BUS_URL="", AUTIONAL_HTTP_PORT="many") as process:
        assert await process.ended() == 78
    assert "AUTIONAL_HTTP_PORT" in (tmp_path / "probe.out").read_text()


async def _is(http: aiohttp.ClientSession, path: str, expected: int) -> bool:
    return await status(http, path) == expected


async def _left(bus: Redis) -> bool:
    return int(await bus.zcard("registry:probe")) == 0


async def _rpc_status(servers: Servers) -> int:
    state = RpcHealth(Health().failures)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{servers.instance.block.grpc(PROBE)}") as channel:
        check = channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            request_serializer=lambda request: request.SerializeToString(),
            response_deserializer=state.response.FromString,
        )
        return int((await check(state.request(), timeout=5)).status)


async def _refuses(servers: Servers) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", servers.settings().http_port)
    except OSError:
        return True
    writer.close()
    return False


async def _hangs(servers: Servers) -> bool:
    """Whether a probe goes unanswered: the socket accepts, the loop does not read."""
    reader, writer = await asyncio.open_connection("127.0.0.1", servers.settings().http_port)
    writer.write(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
    try:
        async with asyncio.timeout(0.2):
            await reader.readline()
    except TimeoutError:
        return True
    finally:
        writer.close()
    return False
