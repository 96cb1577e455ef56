"""What becomes of each kind of work when a real service process drains: it is finished, or it is named."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import grpc
import pytest
from aiohttp import web

from services.chassis.auth import HEADER
from tests.chassis.draining import AT_ONCE, LATE, counts, stopping
from tests.chassis.events import eventually
from tests.chassis.processes import probe
from tests.chassis.servers import PROBE, Servers

pytestmark = pytest.mark.usefixtures("db", "bus")


def unary(channel: grpc.aio.Channel, method: str) -> Any:
    make: Any = channel.unary_unary  # the stubs insist on serializers; bytes need none
    return make(f"/probe.Streams/{method}")


def stream(channel: grpc.aio.Channel, method: str) -> Any:
    make: Any = channel.unary_stream
    return make(f"/probe.Streams/{method}")


async def test_answers_and_uploads_in_parts_are_finished_and_events_end_in_good_order(
    servers: Servers, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    more = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b"12345"
        await more.wait()
        yield b"67890"

    async with probe(servers, tmp_path, **AT_ONCE) as process:
        await process.ready()
        chunks = await http.get("/v1/internal/chunks")
        await process.gates.arrived("chunks")
        uploading = asyncio.create_task(http.post("/v1/internal/upload", data=body()))
        await process.gates.arrived("upload")
        events = await http.get("/v1/internal/events")
        assert await events.content.readline() == b"data: hello\n"
        await stopping(process)
        assert await events.content.read() == b"\n"  # an end, not a broken connection
        process.gates.open("chunks")
        assert await chunks.text() == "first second"
        more.set()
        async with await uploading as answer:
            assert (await answer.json())["data"] == 10
        report = await process.report()
        assert await process.ended() == 0
    assert counts(report) == (3, 3, 0, 0)


async def test_a_connection_that_is_kept_alive_is_never_cut_under_a_request(
    servers: Servers, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    answered, refused = 0, 0

    async def ask_for_ever() -> None:
        nonlocal answered, refused
        while not refused:
            try:
                async with http.post("/v1/internal/touch") as answer:
                    assert answer.status == 200
                    answered += 1
            except aiohttp.ClientConnectorError:
                refused += 1

    env = {"AUTIONAL_LAME_DUCK_S": "12", "AUTIONAL_LAME_DUCK_EARLY": "1"}
    async with probe(servers, tmp_path, **env) as process:
        await process.ready()
        idle = await http.get("/v1/internal/ping")
        await idle.read()
        asking = [asyncio.create_task(ask_for_ever()) for _ in range(4)]
        await eventually(lambda: _more_than(lambda: answered, 20), "the connections are in use")
        await stopping(process)
        await asyncio.gather(*asking)  # anything else than an answer or a refusal would be raised here
        report = await process.report()
        assert await process.ended() == 0
    [lame_duck] = [step for step in report["steps"] if step["name"] == "lame-duck"]
    assert lame_duck["ms"] < 12_000  # it ended when the last connection had gone, the idle one included
    assert report["aborted"] == 0


async def test_grpc_calls_of_both_kinds_are_finished_and_new_ones_refused(
    servers: Servers, sign: Callable[[], str], tmp_path: Path
) -> None:
    async with (
        probe(servers, tmp_path, **AT_ONCE) as process,
        grpc.aio.insecure_channel(f"127.0.0.1:{servers.instance.block.grpc(PROBE)}") as channel,
    ):
        await process.ready()
        metadata = ((HEADER, sign()),)
        call = unary(channel, "Slow")(b"echo", metadata=metadata, timeout=10)
        counting = stream(channel, "Count")(b"", metadata=metadata, timeout=10)
        received = aiter(counting)
        assert await anext(received) == b"one"
        await process.gates.arrived("call")
        await process.gates.arrived("count")
        await stopping(process)
        await eventually(lambda: _refused(servers, sign), "new calls are refused")
        process.gates.open("call")
        process.gates.open("count")
        assert await call == b"echo"
        assert [message async for message in received] == [b"two"]
        report = await process.report()
        assert await process.ended() == 0
    assert counts(report) == (2, 2, 0, 0)


async def test_a_grpc_stream_needs_a_token_like_every_other_call(servers: Servers, tmp_path: Path) -> None:
    address = f"127.0.0.1:{servers.instance.block.grpc(PROBE)}"
    async with probe(servers, tmp_path, **AT_ONCE) as process, grpc.aio.insecure_channel(address) as channel:
        await process.ready()
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            async for _ in stream(channel, "Count")(b"", timeout=5):
                pass
        assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_at_the_deadline_requests_calls_and_jobs_are_cut_off_told_and_named(
    servers: Servers, http: aiohttp.ClientSession, sign: Callable[[], str], tmp_path: Path
) -> None:
    address = f"127.0.0.1:{servers.instance.block.grpc(PROBE)}"
    async with (
        probe(servers, tmp_path, **AT_ONCE, **LATE) as process,
        grpc.aio.insecure_channel(address) as channel,
    ):
        await process.ready()
        slow = asyncio.create_task(
            http.post("/v1/internal/slow", headers={"traceparent": f"00-{'7' * 32}-{'1' * 16}-01"})
        )
        call = unary(channel, "Slow")(b"", metadata=((HEADER, sign()),), timeout=10)
        (await http.post("/v1/internal/job")).release()
        for name in ("slow", "call", "job"):
            await process.gates.arrived(name)
        process.child.terminate()
        async with await slow as answer:
            assert (answer.status, (await answer.json())["error"]) == (503, "UNAVAILABLE")
        with pytest.raises(grpc.aio.AioRpcError) as cut:
            await call
        assert cut.value.code() is grpc.StatusCode.UNAVAILABLE
        report = await process.report()
        assert await process.ended() == 0
    assert counts(report) == (3, 0, 3, 0)
    named = {work["kind"]: work for work in report["lost"]}
    assert named["request"] == {"kind": "request", "name": "POST /v1/internal/slow", "trace_id": "7" * 32}
    assert named["call"]["name"] == "probe.Streams/Slow"
    assert named["job"]["name"] == "count-sheep"
    steps = {step["name"]: step for step in report["steps"]}
    assert not steps["listeners"]["ok"]
    assert not steps["jobs"]["ok"]
    assert steps["outbox"]["ok"]


async def test_a_long_job_is_waited_for_after_the_requests(
    servers: Servers, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    async with probe(servers, tmp_path, **AT_ONCE) as process:
        await process.ready()
        (await http.post("/v1/internal/job")).release()
        await process.gates.arrived("job")
        await stopping(process)
        await eventually(lambda: _closed(servers), "the listener is closed")
        process.gates.open("job")
        report = await process.report()
        assert await process.ended() == 0
    assert counts(report) == (1, 1, 0, 0)


async def test_a_second_signal_means_hurry(servers: Servers, http: aiohttp.ClientSession, tmp_path: Path) -> None:
    async with probe(servers, tmp_path, AUTIONAL_LAME_DUCK_S="20") as process:
        await process.ready()
        slow = asyncio.create_task(http.post("/v1/internal/slow"))
        await process.gates.arrived("slow")
        await stopping(process)
        process.child.terminate()
        async with await slow as answer:
            assert answer.status == 503
        report = await process.report()
        assert await process.ended() == 0
    assert counts(report) == (1, 0, 1, 0)
    assert [step["name"] for step in report["steps"] if not step["ok"]] == ["listeners"]  # the rest was done properly


async def test_the_spans_of_the_last_request_reach_the_collector(
    servers: Servers, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    posted: list[bytes] = []

    async def take(request: web.Request) -> web.Response:
        posted.append(await request.read())
        return web.Response()

    collector = web.Application()
    collector.router.add_post("/v1/traces", take)
    runner = web.AppRunner(collector)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    address = f"http://127.0.0.1:{runner.addresses[0][1]}"
    env = {**AT_ONCE, "AUTIONAL_OTLP_ENDPOINT": address, "OTEL_BSP_SCHEDULE_DELAY": "60000"}
    try:
        async with probe(servers, tmp_path, **env) as process:
            await process.ready()
            slow = asyncio.create_task(http.post("/v1/internal/slow"))
            await process.gates.arrived("slow")
            await stopping(process)
            process.gates.open("slow")
            (await slow).release()
            report = await process.report()
            assert await process.ended() == 0
    finally:
        await runner.cleanup()
    assert next(step for step in report["steps"] if step["name"] == "telemetry")["ok"]
    assert b"/v1/internal/slow" in b"".join(posted)


async def _more_than(count: Callable[[], int], number: int) -> bool:
    return count() > number


async def _closed(servers: Servers) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", servers.settings().http_port)
    except OSError:
        return True
    writer.close()
    return False


async def _refused(servers: Servers, sign: Callable[[], str]) -> bool:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{servers.instance.block.grpc(PROBE)}") as channel:
        try:
            await unary(channel, "Unknown")(b"", metadata=((HEADER, sign()),), timeout=10)
        except grpc.aio.AioRpcError as error:
            return error.code() is grpc.StatusCode.UNAVAILABLE
    return False
