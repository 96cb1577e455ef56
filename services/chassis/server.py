"""The HTTP server: uvicorn, driven by the chassis.

uvicorn's own loop wakes ten times a second and re-raises signals after it has stopped; neither suits a service that
should be idle when idle and that drains in an order of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn

from services.chassis.asgi import App, InFlight
from services.chassis.lifecycle import Ready, Stage

_KEEP_ALIVE_S = 75  # longer than the callers' pools keep a connection, so that the caller is the one who closes
_BACKLOG = 2048


class _Uvicorn(uvicorn.Server):
    """uvicorn without its tick, its signal handlers and its shutdown order."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class HttpServer:
    """Serves an ASGI application on one address."""

    name = "http"
    stage = Stage.LISTENER

    def __init__(self, app: App, host: str, port: int, in_flight: InFlight, *, drain_s: float) -> None:
        config = uvicorn.Config(
            app,
            host=host,
            port=port,
            loop="none",
            http="httptools",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # the client address is the peer's: a header from outside must not change it
            date_header=False,
            timeout_keep_alive=_KEEP_ALIVE_S,
            backlog=_BACKLOG,
        )
        self._address = (host, port)
        self._uvicorn = _Uvicorn(config)
        self._in_flight = in_flight
        self._drain_s = drain_s
        self._closed = asyncio.Event()
        self.cancelled = 0

    async def serve(self, ready: Ready) -> None:
        """Listen until `shutdown`. Raises `OSError` if the address is taken."""
        self._uvicorn.config.load()
        self._uvicorn.lifespan = self._uvicorn.config.lifespan_class(self._uvicorn.config)
        await self._uvicorn.startup(sockets=[self._bind()])
        ready()
        await self._closed.wait()

    def _bind(self) -> socket.socket:
        sock = socket.socket(socket.AF_INET6 if ":" in self._address[0] else socket.AF_INET, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(self._address)
        sock.setblocking(False)
        return sock

    async def shutdown(self) -> None:
        """Close the socket, let requests in flight finish (cancel them at the deadline), close idle connections."""
        for server in self._uvicorn.servers:
            server.close()
        self.cancelled = await self._in_flight.finished(self._drain_s)
        for connection in list(self._uvicorn.server_state.connections):
            connection.shutdown()
        await asyncio.sleep(0)  # let the closing transports say so
        self._closed.set()
