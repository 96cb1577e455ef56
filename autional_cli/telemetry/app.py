"""The telemetry process's HTTP interface as a plain ASGI application: OTLP in, Jaeger's v3 API out."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import orjson

from autional_cli.telemetry import jaeger_api
from autional_cli.telemetry.hosts import is_local
from autional_cli.telemetry.otlp import (
    JSON,
    PROTOBUF,
    MalformedError,
    TooLargeError,
    decode,
    decompress,
    encode_accepted,
    encode_refused,
)
from autional_cli.telemetry.reader import Reader
from autional_cli.telemetry.schema import ForeignStoreError
from autional_cli.telemetry.writer import BusyError, Writer

if TYPE_CHECKING:
    from pathlib import Path

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

INVALID_ARGUMENT, RESOURCE_EXHAUSTED, UNAVAILABLE = 3, 8, 14  # google.rpc.Code


class Application:
    """Routes requests. `writer` takes the spans; reading happens on a thread of its own."""

    def __init__(self, writer: Writer, path: Path) -> None:
        self.writer = writer
        self.path = path
        self.thread = ThreadPoolExecutor(1, thread_name_prefix="trace-reader")

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        path, method = str(scope["path"]), str(scope["method"])
        refusal = self.judge_sender(scope["headers"])
        if refusal is not None:
            status, message = refusal
            await respond(send, status, orjson.dumps({"error": {"httpCode": status, "message": message}}))
        elif path == "/v1/traces":
            await self.take_traces(scope, receive, send)
        elif method not in ("GET", "HEAD"):
            body = orjson.dumps({"error": {"httpCode": 405, "message": f"{method} is not allowed here"}})
            await respond(send, 405, body, headers=[(b"allow", b"GET, HEAD")])
        elif path == "/healthz":
            await respond(send, 200, b'{"status":"ok"}')
        else:
            await self.answer_query(path, bytes(scope["query_string"]), send)

    @staticmethod
    def judge_sender(headers: Headers) -> tuple[int, str] | None:
        """Return status and reason for a page in a browser that is not of this machine; None for everybody else.

        Such a page can have its own name resolve to us (DNS rebinding), and then names itself as the host; or it sends
        from where it is, and names its origin (https://fetch.spec.whatwg.org/#origin-header).
        """
        for name, value in headers:
            if name == b"host" and value and not is_local(value):
                return 421, "this address is served to addresses and localhost only"  # RFC 9110, 15.5.20
            if name == b"origin" and not is_local(value.partition(b"://")[2]):
                return 403, "requests of pages from elsewhere are not taken"
        return None

    async def take_traces(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve `POST /v1/traces`."""
        headers = dict(scope["headers"])
        kind = headers.get(b"content-type", b"").split(b";")[0].strip().decode("latin-1").lower()
        encoding = headers.get(b"content-encoding", b"identity").strip().lower()
        if scope["method"] != "POST":
            await respond(send, 405, b'{"message":"POST only"}', headers=[(b"allow", b"POST")])
            return
        if kind not in (PROTOBUF, JSON) or encoding not in (b"gzip", b"identity"):
            message = f"send {PROTOBUF} or {JSON}, plain or gzip"
            await respond(send, 415, encode_refused(INVALID_ARGUMENT, message, JSON))
            return
        status, body = await self.store_traces(receive, headers, kind, encoding == b"gzip")
        extra = {413: [(b"connection", b"close")], 503: [(b"retry-after", b"1")]}
        await respond(send, status, body, kind, extra.get(status, []))

    async def store_traces(
        self, receive: Receive, headers: dict[bytes, bytes], kind: str, zipped: bool
    ) -> tuple[int, bytes]:
        """Read, decode and store one request; returns HTTP status and body."""
        try:
            limit = self.writer.limits.body_bytes
            body = await read_body(receive, headers, limit)
            batch = decode(decompress(body, limit) if zipped else body, kind, self.writer.limits)
            refused = await self.writer.add(batch)
        except TooLargeError as failure:
            return 413, encode_refused(RESOURCE_EXHAUSTED, str(failure), kind)
        except MalformedError as failure:
            return 400, encode_refused(INVALID_ARGUMENT, str(failure), kind)
        except BusyError as failure:
            return 503, encode_refused(UNAVAILABLE, str(failure), kind)
        if refused:
            batch.rejected += refused
            batch.reasons["a trace that is full"] += refused
        return 200, encode_accepted(batch, kind)

    async def answer_query(self, path: str, query: bytes, send: Send) -> None:
        """Serve `/api/v3/*`; anything else is a 404 in the same shape."""
        if not path.startswith("/api/v3/"):
            status, refusal = jaeger_api.refuse(404, f"no such path: {path}")
            await respond(send, status, orjson.dumps(refusal))
            return
        parameters = dict(reversed(parse_qsl(query.decode("latin-1"), keep_blank_values=True)))
        work = partial(self.read, path.removeprefix("/api/v3"), parameters)
        status, body = await asyncio.get_running_loop().run_in_executor(self.thread, work)
        await respond(send, status, body)

    def read(self, path: str, parameters: dict[str, str]) -> tuple[int, bytes]:
        """Answer a query with a connection of its own, so that a replaced store is noticed."""
        try:
            with closing(Reader.open(self.path)) as reader:
                status, answer = jaeger_api.answer(path, parameters, reader)
        except (sqlite3.Error, ForeignStoreError) as failure:
            status, answer = jaeger_api.refuse(503, f"the trace store cannot be read: {failure}")
        return status, orjson.dumps(answer)

    def close(self) -> None:
        """End the reading thread."""
        self.thread.shutdown()


async def read_body(receive: Receive, headers: dict[bytes, bytes], limit: int) -> bytes:
    """Collect a request's body; TooLargeError beyond `limit` bytes, MalformedError when the sender left."""
    declared = headers.get(b"content-length", b"0")
    if declared.isdigit() and int(declared) > limit:
        raise TooLargeError(f"body of {declared.decode()} bytes is larger than {limit}")
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise MalformedError("the sender left before the body ended")
        body += message.get("body", b"")
        if len(body) > limit:
            raise TooLargeError(f"body is larger than {limit} bytes")
        if not message.get("more_body", False):
            return bytes(body)


async def respond(send: Send, status: int, body: bytes, kind: str = JSON, headers: Headers | None = None) -> None:
    """Send a whole response."""
    fixed = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": fixed + (headers or [])})
    await send({"type": "http.response.body", "body": body})
