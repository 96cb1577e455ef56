"""The work in hand, where no server is needed to see it."""

from __future__ import annotations

import asyncio

from services.chassis.asgi import Message, Receive, Scope, Send, ServiceLayer
from services.chassis.inflight import InFlight


async def test_a_drain_closes_a_websocket_as_going_to_restart() -> None:
    """At the ASGI interface: no server of WebSockets is among our libraries yet."""
    sent: asyncio.Queue[Message] = asyncio.Queue()

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    async def talk(_scope: Scope, listen: Receive, send: Send) -> None:
        await send({"type": "websocket.accept"})
        await listen()

    in_flight = InFlight()
    layer = ServiceLayer(talk, in_flight, max_body=1024, timeout_s=1)
    socket = asyncio.create_task(layer({"type": "websocket", "path": "/v1/talk"}, receive, sent.put))
    assert (await sent.get())["type"] == "websocket.accept"
    in_flight.begin()
    in_flight.end_streams()
    assert (await sent.get()) == {"type": "websocket.close", "code": 1012, "reason": "service restart"}
    await socket
    assert in_flight.report()["completed"] == 1
