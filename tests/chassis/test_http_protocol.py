"""What a client may send has an end: in size, in number, in time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, replace

import pytest

from services.chassis.asgi import App, Receive, Scope, Send
from services.chassis.http_protocol import OUTSIDE, Bounds
from services.chassis.inflight import InFlight
from services.chassis.lifecycle import Patience
from services.chassis.server import HttpServer
from tests.chassis.calling import Target
from tests.chassis.events import serving

LINE = b"GET / HTTP/1.1\r\nhost: probe\r\n"
QUICK = replace(OUTSIDE, head_s=0.3, body_s=0.3, rest_s=0.3, reader_s=0.3)
WAIT_S = 20.0


@dataclass(slots=True)
class Connection:
    """A raw connection to the server under test."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def rest(self) -> bytes:
        """Return what comes until the server closes; a reset counts as an end."""
        found = b""
        async with asyncio.timeout(WAIT_S):
            while True:
                try:
                    part = await self.reader.read(65536)
                except ConnectionError:
                    return found
                if not part:
                    return found
                found += part


@asynccontextmanager
async def connected(app: App, bounds: Bounds = OUTSIDE) -> AsyncIterator[Connection]:
    server = HttpServer(app, "127.0.0.1", 0, InFlight(), Patience(1), bounds=bounds)
    async with serving(server):
        assert server._listener is not None
        reader, writer = await asyncio.open_connection(*server._listener.getsockname())
        with closing(writer):
            yield Connection(reader, writer)


def status(answer: bytes) -> bytes:
    return answer.partition(b"\r\n")[0]


async def test_a_head_within_the_bounds_is_answered() -> None:
    target = Target()
    fields = b"".join(b"x-%d: 1\r\n" % number for number in range(98))
    async with connected(target) as connection:
        connection.send(LINE + fields + b"connection: close\r\n\r\n")
        assert status(await connection.rest()) == b"HTTP/1.1 200 OK"
        assert len(target.requests) == 1


@pytest.mark.parametrize(
    "head",
    [
        LINE + b"x-large: " + b"a" * 33_000 + b"\r\n\r\n",
        LINE + b"x-large-and-never-complete: " + b"a" * 400_000,
        LINE + b"x" * 400_000,
        b"GET /" + b"a" * 33_000 + b" HTTP/1.1\r\n\r\n",
        b"GET /" + b"a" * 400_000,
        LINE + b"x: 1\r\n" * 100 + b"\r\n",
        LINE + b"".join(b"x-%d: %s\r\n" % (number, b"a" * 1000) for number in range(40)) + b"\r\n",
    ],
    ids=["value", "endless-value", "endless-name", "path", "endless-path", "fields", "sum"],
)
async def test_a_head_beyond_the_bounds_is_refused_and_the_connection_closed(head: bytes) -> None:
    target = Target()
    async with connected(target) as connection:
        connection.send(head)
        answer = await connection.rest()
        assert status(answer) == b"HTTP/1.1 431 Request Header Fields Too Large"
        assert b'"error":"HEAD_TOO_LARGE"' in answer
    assert target.requests == []


async def test_the_second_request_of_a_connection_has_the_same_bounds() -> None:
    target = Target()
    async with connected(target) as connection:
        connection.send(LINE + b"\r\n")
        await connection.reader.readuntil(Target().body)
        connection.send(LINE + b"x-large: " + b"a" * 33_000 + b"\r\n\r\n")
        assert status(await connection.rest()).startswith(b"HTTP/1.1 431")
    assert len(target.requests) == 1


@pytest.mark.parametrize("sent", [b"", b"\r\n\r\n"])
async def test_a_connection_on_which_nothing_is_asked_is_closed(sent: bytes) -> None:
    async with connected(Target(), QUICK) as connection:
        connection.send(sent)
        assert await connection.rest() == b""


@pytest.mark.parametrize("sent", [b"G", LINE, LINE + b"x-half: "])
async def test_half_a_head_is_given_up(sent: bytes) -> None:
    async with connected(Target(), QUICK) as connection:
        connection.send(sent)
        assert status(await connection.rest()) in (b"HTTP/1.1 408 Request Timeout", b"")


async def test_a_head_that_drips_is_given_up() -> None:
    async with connected(Target(), QUICK) as connection:

        async def drip() -> None:
            while True:
                connection.send(b"x: 1\r\n")
                await asyncio.sleep(0.05)

        connection.send(LINE)
        dripping = asyncio.create_task(drip())
        assert status(await connection.rest()) in (b"HTTP/1.1 408 Request Timeout", b"")
        dripping.cancel()


async def test_line_ends_after_an_answer_do_not_keep_a_connection_for_ever() -> None:
    async with connected(Target(), QUICK) as connection:
        connection.send(LINE + b"\r\n")
        await connection.reader.readuntil(Target().body)
        connection.send(b"\r\n")
        assert await connection.rest() == b""


async def test_half_a_body_is_given_up_and_its_reader_told() -> None:
    told = asyncio.Event()

    async def read(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        told.set()

    async with connected(read, QUICK) as connection:
        connection.send(b"POST / HTTP/1.1\r\nhost: probe\r\ncontent-length: 10\r\n\r\nhalf")
        assert status(await connection.rest()) == b"HTTP/1.1 408 Request Timeout"
        async with asyncio.timeout(WAIT_S):
            await told.wait()


async def test_the_rest_of_a_body_that_was_answered_is_not_waited_for() -> None:
    async with connected(Target(), QUICK) as connection:
        connection.send(b"POST / HTTP/1.1\r\nhost: probe\r\ncontent-length: 1000000\r\n\r\nhalf")
        await connection.reader.readuntil(Target().body)
        assert await connection.rest() == b""


async def test_a_request_that_takes_its_time_to_be_answered_is_not_cut_off() -> None:
    gate = asyncio.Event()
    target = Target(before=gate.wait)
    async with connected(target, QUICK) as connection:
        connection.send(LINE + b"connection: close\r\n\r\n")
        await asyncio.sleep(2 * QUICK.head_s)  # far beyond what is given to arrive
        gate.set()
        assert status(await connection.rest()) == b"HTTP/1.1 200 OK"


async def test_a_reader_that_does_not_read_is_not_waited_for() -> None:
    ended = asyncio.Event()

    async def pour(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        until = time.monotonic() + WAIT_S
        while (await _disconnected(receive)) is False and time.monotonic() < until:
            await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
        ended.set()

    async with connected(pour, QUICK) as connection:
        connection.send(LINE + b"\r\n")
        async with asyncio.timeout(WAIT_S):
            await ended.wait()


async def _disconnected(receive: Receive) -> bool:
    try:
        async with asyncio.timeout(0):
            return bool((await receive())["type"] == "http.disconnect")
    except TimeoutError:
        return False


async def test_what_is_no_http_is_refused_in_the_envelope() -> None:
    async with connected(Target()) as connection:
        connection.send(b"\x16\x03\x01\x02\x00nonsense\r\n\r\n")
        answer = await connection.rest()
        assert status(answer) == b"HTTP/1.1 400 Bad Request"
        assert b'"error":"MALFORMED"' in answer


async def test_a_second_request_that_never_arrives_does_not_break_into_the_first_answer() -> None:
    gate = asyncio.Event()
    target = Target(before=gate.wait)
    async with connected(target, QUICK) as connection:
        connection.send(LINE + b"\r\n" + LINE)
        answer = await connection.rest()
        gate.set()
    assert b"408" not in answer
