"""Probe's longer exchanges: chunked answers, uploads, events, jobs, and gRPC of both kinds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
from fastapi import APIRouter, Request, WebSocket
from fastapi.responses import StreamingResponse

from services.chassis.access import Peer
from services.chassis.dto import Envelope, ok
from services.chassis.jobs import Jobs
from tests.chassis.made.probe.gates import gate

router = APIRouter(prefix="/v1/internal")
SERVICE = "probe.Streams"


@router.get("/chunks")
async def chunks(_caller: Peer) -> StreamingResponse:
    """Answer in two parts, with a gate between them."""

    async def parts() -> AsyncIterator[bytes]:
        yield b"first "
        await gate("chunks")
        yield b"second"

    return StreamingResponse(parts(), media_type="text/plain")


@router.post("/upload")
async def upload(request: Request, _caller: Peer) -> Envelope[int]:
    """Take a body that comes in parts; return its size."""
    size = 0
    async for part in request.stream():
        if part and not size:
            asyncio.get_running_loop().create_task(gate("upload"))
        size += len(part)
    return ok(size)


@router.post("/touch")
async def touch(_caller: Peer) -> Envelope[None]:
    """Do nothing; a caller must not send it twice."""
    return ok(None)


@router.get("/events")
async def events(_caller: Peer) -> StreamingResponse:
    """Send one event and then none for ever."""

    async def told() -> AsyncIterator[bytes]:
        yield b"data: hello\n\n"
        await asyncio.Event().wait()

    return StreamingResponse(told(), media_type="text/event-stream")


@router.websocket("/talk")
async def talk(socket: WebSocket, _caller: Peer) -> None:
    """Answer each message with itself; "think" behind a gate."""
    await socket.accept()
    async for words in socket.iter_text():
        if words == "think":
            await gate("talk")
        if words == "fail":
            raise RuntimeError("a mistake")
        await socket.send_text(words)


@router.post("/job")
async def job(request: Request, _caller: Peer) -> Envelope[None]:
    """Begin something that goes on after the answer."""
    jobs: Jobs = request.app.state.jobs
    jobs.start("count-sheep", gate("job"))
    return ok(None)


async def slow(request: bytes, _context: Any) -> bytes:
    """Answer when the test lets us."""
    await gate("call")
    return request


async def count(_request: bytes, _context: Any) -> AsyncIterator[bytes]:
    """Send two messages, with a gate between them."""
    yield b"one"
    await gate("count")
    yield b"two"


def register(server: grpc.aio.Server) -> None:
    """Serve both methods with raw bytes as messages."""
    methods = {"Slow": grpc.unary_unary_rpc_method_handler(slow), "Count": grpc.unary_stream_rpc_method_handler(count)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, methods),))
