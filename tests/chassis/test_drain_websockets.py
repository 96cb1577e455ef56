"""What becomes of WebSockets (RFC 6455) when a real service process drains."""

from __future__ import annotations

from pathlib import Path

import aiohttp
import pytest

from services.chassis.auth import HEADER
from tests.chassis.draining import AT_ONCE, LATE, counts, stopping
from tests.chassis.processes import probe
from tests.chassis.servers import Servers

pytestmark = pytest.mark.usefixtures("db", "bus")


async def test_websockets_are_closed_as_for_a_restart_once_the_message_in_hand_is_answered(
    servers: Servers, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    async with probe(servers, tmp_path, **AT_ONCE) as process:
        await process.ready()
        idle = await http.ws_connect("/v1/internal/talk")
        await idle.send_str("hello")
        assert await idle.receive_str() == "hello"
        busy = await http.ws_connect("/v1/internal/talk")
        await busy.send_str("think")
        await process.gates.arrived("talk")
        await stopping(process)
        assert (await idle.receive()).type is aiohttp.WSMsgType.CLOSE
        process.gates.open("talk")
        assert await busy.receive_str() == "think"
        assert (await busy.receive()).type is aiohttp.WSMsgType.CLOSE
        assert (idle.close_code, busy.close_code) == (1012, 1012)
        report = await process.report()
        assert await process.ended() == 0
    assert counts(report) == (2, 2, 0, 0)


async def test_a_websocket_that_thinks_past_the_deadline_is_cut_off_closed_and_named(
    servers: Servers, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    async with probe(servers, tmp_path, **AT_ONCE, **LATE) as process:
        await process.ready()
        socket = await http.ws_connect("/v1/internal/talk", headers={"traceparent": f"00-{'7' * 32}-{'1' * 16}-01"})
        await socket.send_str("think")
        await process.gates.arrived("talk")
        process.child.terminate()
        assert (await socket.receive()).data == 1012
        report = await process.report()
        assert await process.ended() == 0
    assert report["lost"] == [{"kind": "stream", "name": "WebSocket /v1/internal/talk", "trace_id": "7" * 32}]


async def test_a_websocket_needs_a_token_and_a_mistake_in_its_route_closes_it(
    servers: Servers, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    async with probe(servers, tmp_path, **AT_ONCE) as process:
        await process.ready()
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await http.ws_connect("/v1/internal/talk", headers={HEADER: "forged"})
        assert refused.value.status == 401
        socket = await http.ws_connect("/v1/internal/talk")
        await socket.send_str("fail")
        assert (await socket.receive()).data == 1011
        async with http.get("/v1/internal/ping") as answer:
            assert answer.status == 200
