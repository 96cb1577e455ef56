"""The HTTP server's stop, in the moments that are hard to hit from outside."""

from __future__ import annotations

import asyncio
import socket

from services.chassis.inflight import InFlight
from services.chassis.lifecycle import Patience
from services.chassis.server import HttpServer
from tests.chassis.calling import Target
from tests.chassis.events import serving

REQUEST = b"GET / HTTP/1.1\r\nhost: probe\r\nconnection: close\r\n\r\n"


async def test_a_connection_that_was_accepted_in_the_moment_of_the_stop_is_served() -> None:
    """The event loop has taken it and tells the server of it in one of its next turns."""
    target, listener = Target(), socket.create_server(("127.0.0.1", 0))
    address = listener.getsockname()
    server = HttpServer(target, "127.0.0.1", 0, InFlight(), Patience(1), listen_fd=listener.detach())
    async with serving(server):
        with socket.create_connection(address, timeout=5) as caller:
            caller.sendall(REQUEST)
            for _ in range(2):  # in the first the loop learns of it, in the second it has accepted it
                await asyncio.sleep(0)
            await server.shutdown()
            assert caller.recv(100).startswith(b"HTTP/1.1 200")
    assert len(target.requests) == 1
