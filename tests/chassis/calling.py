"""A caller (the service witness) and targets (replicas of probe) on real sockets and a real registry."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from redis.asyncio import Redis

from services.chassis.asgi import App, Receive, Scope, Send
from services.chassis.auth import Signer, Verifier
from services.chassis.client import ServiceClient
from services.chassis.inflight import InFlight
from services.chassis.lifecycle import Patience
from services.chassis.redis import connect
from services.chassis.registry import Directory, Registration
from services.chassis.resilience import Breakers
from services.chassis.server import HttpServer
from tests.chassis.events import eventually, serving
from tests.chassis.servers import PROBE, WITNESS, Servers


@dataclass(slots=True)
class Target:
    """An HTTP server that answers with what a test sets, and keeps what it was asked."""

    status: int = 200
    body: bytes = b'{"code":0,"message":"ok","data":"fine","trace_id":""}'
    before: Callable[[], Awaitable[object]] | None = None
    requests: list[dict[str, str]] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
        self.requests.append({"method": scope["method"], "path": scope["path"], **headers})
        if self.before is not None:
            await self.before()
        length = str(len(self.body)).encode()
        await send({"type": "http.response.start", "status": self.status, "headers": [(b"content-length", length)]})
        await send({"type": "http.response.body", "body": self.body})


@asynccontextmanager
async def listening(servers: Servers, app: App, *, replica: int = 0) -> AsyncIterator[HttpServer]:
    """Serve `app` on the port of a replica of probe."""
    in_flight = InFlight()
    server = HttpServer(app, "127.0.0.1", servers.instance.block.http(PROBE, replica), in_flight, Patience(1))
    async with serving(server):
        yield server


@asynccontextmanager
async def registered(servers: Servers, *replicas: int, lease_s: float = 15) -> AsyncIterator[list[Registration]]:
    """List replicas of probe in the registry, whether or not anything listens there."""
    async with connect(servers.settings().bus_url.get_secret_value(), name="probe") as bus:
        leases = [Registration(servers.settings(replica=n), bus, lease_s=lease_s) for n in replicas]
        for lease in leases:
            await lease.start()
        try:
            yield leases
        finally:
            for lease in leases:
                await lease.stop()


@dataclass(slots=True)
class Caller:
    """What the service witness calls others with."""

    directory: Directory
    signer: Signer
    breakers: Breakers
    client: ServiceClient

    async def sees(self, count: int) -> None:
        """Wait until the directory lists so many replicas of probe."""
        await eventually(lambda: self._lists(count), f"{count} replicas are listed")

    async def _lists(self, count: int) -> bool:
        picked = {r.id for r in (self.directory.pick("probe") for _ in range(2 * count + 2)) if r}
        return len(picked) == count


@asynccontextmanager
async def caller(servers: Servers, *, open_s: float = 0.3, refresh_s: float = 10) -> AsyncIterator[Caller]:
    """Return witness's client, following the registry."""
    settings = servers.settings(WITNESS)
    bus: Redis
    async with connect(settings.bus_url.get_secret_value(), name="witness") as bus:
        directory = Directory(bus, WITNESS.calls, refresh_s=refresh_s)
        await directory.start()
        signer = Signer(WITNESS.name, settings.private_key_file)
        breakers = Breakers(open_s=open_s)
        client = ServiceClient(directory, signer, breakers)
        try:
            yield Caller(directory, signer, breakers, client)
        finally:
            await client.close()
            await directory.stop()


def verifier(servers: Servers, service: str = "probe") -> Verifier:
    """Return what a service checks tokens with."""
    return Verifier(service, servers.settings().trust_file)


@asynccontextmanager
async def dropping(servers: Servers, *, replica: int = 0) -> AsyncIterator[list[bytes]]:
    """A replica that reads a request and closes the connection without an answer; yields what it read."""
    read: list[bytes] = []

    async def drop(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        read.append(await reader.read(65536))
        writer.close()

    server = await asyncio.start_server(drop, "127.0.0.1", servers.instance.block.http(PROBE, replica))
    async with server:
        yield read


def envelope(code: int, error: str, message: str, details: dict[str, Any]) -> bytes:
    """Return a failed answer."""
    import orjson

    return orjson.dumps({"code": code, "error": error, "message": message, "details": details, "trace_id": ""})
