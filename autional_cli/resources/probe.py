"""Ask a server whether it answers, in its own protocol but without its client library.

The supervisor starts while the libraries are being imported elsewhere; loading three of them here only to say hello
would cost more than the servers' own start.
"""

from __future__ import annotations

import asyncio
import struct
from typing import TYPE_CHECKING

from autional_cli.errors import AutionalError, ExitCode
from autional_cli.ports import LOOPBACK
from autional_cli.resources.connection import MAX_ANSWER, NotReadyError, connection

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

FIRST_PAUSE_S = 0.025
LONGEST_PAUSE_S = 0.1
ANSWER_S = 2.0

SERVER_ERROR = 500
PG_PROTOCOL_3 = 196608
PG_CANNOT_CONNECT_NOW = b"57P03"  # starting up, shutting down or recovering


async def until(
    answers: Callable[[], Awaitable[object]],
    *,
    what: str,
    timeout_s: float,
    longest_pause_s: float = LONGEST_PAUSE_S,
) -> None:
    """Call `answers` every 25 ms, backing off to `longest_pause_s`, until it returns.

    Raises AutionalError (exit 4) that names `what` was waited for, and the last reason, after `timeout_s` seconds.
    """
    pause = FIRST_PAUSE_S
    reason: Exception | None = None
    try:
        async with asyncio.timeout(timeout_s):
            while True:
                try:
                    async with asyncio.timeout(ANSWER_S):
                        await answers()
                    return
                except (OSError, EOFError, asyncio.LimitOverrunError, NotReadyError) as failure:
                    reason = failure
                await asyncio.sleep(pause)
                pause = min(pause * 1.5, longest_pause_s)
    except TimeoutError:
        why = f" ({reason})" if reason and str(reason) else ""
        raise AutionalError(
            f"{what} did not answer within {timeout_s:g} s{why}",
            hint=f"autional why {what.split()[0]}",
            exit_code=ExitCode.BACKEND_UNAVAILABLE,
        ) from None


async def postgres(port: int, user: str) -> None:
    """Return when PostgreSQL asks for a password, as pg_isready does (PostgreSQL documentation, section 54.2)."""
    body = b"\0".join((b"user", user.encode(), b"database", b"postgres", b"", b""))
    async with connection(port) as (reader, writer):
        writer.write(struct.pack("!ii", len(body) + 8, PG_PROTOCOL_3) + body)
        kind = await reader.readexactly(1)
        (length,) = struct.unpack("!i", await reader.readexactly(4))
        answer = await reader.readexactly(min(max(length - 4, 0), MAX_ANSWER))
    if kind == b"E" and PG_CANNOT_CONNECT_NOW in answer:
        raise NotReadyError("it is starting up or recovering")


async def redis(port: int, *commands: tuple[str, ...]) -> list[str]:
    """Send commands in RESP 2 and return their simple answers; NotReadyError for an error answer such as LOADING."""
    answers: list[str] = []
    async with connection(port) as (reader, writer):
        for command in commands:
            parts = (part.encode() for part in command)
            writer.write(b"*%d\r\n" % len(command) + b"".join(b"$%d\r\n%b\r\n" % (len(p), p) for p in parts))
            line = (await reader.readuntil(b"\r\n")).decode(errors="replace").strip()
            if line.startswith("-"):
                raise NotReadyError(line[1:])
            answers.append(line[1:])
    return answers


async def smtp(port: int) -> None:
    """Return when a mail server greets (RFC 5321 section 3.1)."""
    async with connection(port) as (reader, writer):
        greeting = await reader.readuntil(b"\r\n")
        if not greeting.startswith(b"220"):
            raise NotReadyError(greeting.decode(errors="replace").strip())
        writer.write(b"QUIT\r\n")
        await reader.readuntil(b"\r\n")


async def http(port: int, path: str) -> None:
    """Return when a server answers a request with anything but an error of its own (RFC 9110 section 15.6)."""
    async with connection(port) as (reader, writer):
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {LOOPBACK}:{port}\r\nConnection: close\r\n\r\n".encode())
        line = (await reader.readuntil(b"\r\n")).decode(errors="replace").strip()
        status = line.split(" ", 2)[1:2]
        if not status or not status[0].isdigit() or int(status[0]) >= SERVER_ERROR:
            raise NotReadyError(line)
