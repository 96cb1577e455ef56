"""A service with one trivial route, for `overhead.py`: `python -m tests.bench.trivial traced|untraced|sink PORT`."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from pathlib import Path

import uvloop
from fastapi import FastAPI
from opentelemetry import trace
from pydantic import SecretStr

from services.chassis.asgi import ServiceLayer
from services.chassis.inflight import InFlight
from services.chassis.lifecycle import Patience
from services.chassis.logging import configure_logging
from services.chassis.server import HttpServer
from services.chassis.settings import Settings
from services.chassis.tracing import Tracing

SINK_PORT = 29803


def settings(port: int) -> Settings:
    """Return settings that name no other server but a sink for spans."""
    nothing = SecretStr("redis://127.0.0.1:1")
    return Settings(
        service="trivial",
        replica="trivial-0",
        http_port=port,
        grpc_port=port + 1000,
        bus_url=nothing,
        cache_url=nothing,
        secret=SecretStr("x"),
        private_key_file=Path("/dev/null"),
        trust_file=Path("/dev/null"),
        log_file=Path("/dev/null"),
        log_level="WARNING",
        otlp_endpoint=f"http://127.0.0.1:{SINK_PORT}",
    )


async def sink(port: int) -> None:
    """Accept spans and forget them, in a process of its own: exporting is paid for here, storing is not."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                await take(reader, writer)

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
        await reader.readexactly(int(fields[b"content-length"]))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n")

    async with await asyncio.start_server(answer, "127.0.0.1", port) as server:
        print("listening", flush=True)
        await server.serve_forever()


async def serve(traced: bool, port: int) -> None:
    """Serve until the process is ended."""
    chosen = settings(port)
    configure_logging(chosen)
    if traced:
        Tracing(chosen)
    else:
        trace.set_tracer_provider(trace.NoOpTracerProvider())
    app = FastAPI(telemetry={"tracing": False, "metrics": False, "logs": False})

    @app.get("/trivial")
    async def trivial() -> dict[str, str]:
        return {"message": "ok"}

    in_flight = InFlight()
    layer = ServiceLayer(app, in_flight, max_body=1024, timeout_s=30)
    server = HttpServer(layer, "127.0.0.1", port, in_flight, Patience(1))
    await server.serve(lambda: print("listening", flush=True))


if __name__ == "__main__":
    role, port = sys.argv[1], int(sys.argv[2])
    uvloop.run(sink(port) if role == "sink" else serve(role == "traced", port))
