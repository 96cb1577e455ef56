"""The HTTP server: uvicorn, driven by the chassis.

uvicorn's own loop wakes ten times a second and re-raises signals after it has stopped; neither suits a service that
should be idle when idle and that drains in an order of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import select
import socket
import time
from collections.abc import Iterator
from functools import partial
from typing import Any, cast

import uvicorn

from services.chassis.asgi import App
from services.chassis.http_protocol import INSIDE, BoundedHttp, Bounds
from services.chassis.inflight import SERVED, InFlight
from services.chassis.lifecycle import Patience, Ready, Stage

_KEEP_ALIVE_S = 75  # longer than the callers' pools keep a connection, so that the caller is the one who closes
_BACKLOG = 2048
_FIRST_REQUEST_S = 0.5  # for a connection that was just made to carry the request it was made for
_ACCEPT_S = 1.0  # for connections that wait to be accepted at the end
_TURN_S = 0.001
_LOOK_S = 0.01
_MESSAGE_BYTES = 1 << 20  # of one WebSocket message


class _Uvicorn(uvicorn.Server):
    """uvicorn without its tick, its signal handlers and its shutdown order."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _websocket(**given: Any) -> asyncio.Protocol:
    """Return the protocol of a connection that was upgraded: imported by the first one, so that a start need not."""
    from uvicorn.protocols.websockets.wsproto_impl import WSProtocol

    return WSProtocol(**given)


class HttpServer:
    """Serves an ASGI application on one address, or on a listening socket that was handed over (`listen_fd`).

    `websockets`: requests to upgrade are taken (RFC 6455); otherwise they are requests like others. `bounds` is what a
    client may send.
    """

    name = "http"
    stage = Stage.LISTENER

    def __init__(
        self,
        app: App,
        host: str,
        port: int,
        in_flight: InFlight,
        patience: Patience,
        *,
        listen_fd: int | None = None,
        websockets: bool = False,
        bounds: Bounds = INSIDE,
    ) -> None:
        config = uvicorn.Config(
            app,
            host=host,
            port=port,
            loop="none",
            http=cast("Any", partial(BoundedHttp, bounds)),
            ws=cast("Any", _websocket) if websockets else "none",
            ws_max_size=_MESSAGE_BYTES,
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
        self._listen_fd = listen_fd
        self._uvicorn = _Uvicorn(config)
        self._in_flight = in_flight
        self._patience = patience
        self._closed = asyncio.Event()
        self._listener: socket.socket | None = None

    async def serve(self, ready: Ready) -> None:
        """Listen until `shutdown`. Raises `OSError` if the address is taken."""
        self._uvicorn.config.load()
        self._uvicorn.lifespan = self._uvicorn.config.lifespan_class(self._uvicorn.config)
        self._listener = self._bind()
        await self._uvicorn.startup(sockets=[self._listener])
        ready()
        await self._closed.wait()

    def _bind(self) -> socket.socket:
        if self._listen_fd is not None:
            sock = socket.socket(fileno=self._listen_fd)
            sock.set_inheritable(False)
        else:
            sock = socket.socket(socket.AF_INET6 if ":" in self._address[0] else socket.AF_INET, socket.SOCK_STREAM)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(self._address)
        sock.setblocking(False)
        return sock

    def connections(self) -> int:
        """Return how many connections are open, idle ones included."""
        return len(self._uvicorn.server_state.connections)

    async def shutdown(self) -> None:
        """Close the socket, end streams, let requests in flight finish, close connections once they are quiet."""
        await self._accept_what_waits()
        for server in getattr(self._uvicorn, "servers", ()):  # none if the stop came before the start
            server.close()
        closed_at = time.monotonic()
        left = True
        while left:
            await asyncio.sleep(_LOOK_S)  # what was accepted last is among the connections only then
            self._in_flight.end_streams()
            await self._in_flight.finished(self._patience, SERVED)
            left = self._close_quiet(closed_at) > 0
        await asyncio.sleep(0)  # let the closing transports say so
        self._closed.set()

    async def _accept_what_waits(self) -> None:
        """Take the connections that the kernel has accepted for us: closing the socket would reset them.

        What the event loop has taken already it tells the server in one of its next turns; closing would lose that as
        well. Where more come all the time, this has an end.
        """
        if self._listener is None or self._listener.fileno() < 0:
            return
        until = time.monotonic() + min(_ACCEPT_S, self._patience.left_s)
        await asyncio.sleep(_TURN_S)
        while _readable([self._listener.fileno()]) and time.monotonic() < until:  # noqa: ASYNC110 - the kernel tells nobody
            await asyncio.sleep(_TURN_S)

    def _close_quiet(self, closed_at: float) -> int:
        """Close every connection that carries nothing; return how many are left.

        Not one with a request on its way: it would be reset instead of answered. A new connection carries its first
        request in a moment.
        """
        fresh = time.monotonic() - closed_at < _FIRST_REQUEST_S and self._patience.left_s > 0
        connections: list[Any] = list(self._uvicorn.server_state.connections)
        handles = {id(c): c.transport.get_extra_info("socket").fileno() for c in connections}
        busy = _readable([handle for handle in handles.values() if handle >= 0])
        for connection in connections:
            new = fresh and getattr(connection, "cycle", connection) is None  # a WebSocket has had its request
            if (handles[id(connection)] in busy or new) and self._patience.left_s:
                continue
            connection.shutdown()
        return sum(not connection.transport.is_closing() for connection in connections)


def _readable(descriptors: list[int]) -> set[int]:
    """Return those that hold bytes nobody has read, or connections nobody has accepted."""
    poller = select.poll()
    for descriptor in descriptors:
        poller.register(descriptor, select.POLLIN)
    return {descriptor for descriptor, _ in poller.poll(0)}
