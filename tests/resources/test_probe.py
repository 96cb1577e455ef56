"""Asking servers whether they answer, against servers that do and servers that misbehave."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import bson
import pytest

from autional_cli.errors import AutionalError, ExitCode
from autional_cli.resources import mongo_wire, probe
from autional_cli.resources.connection import NotReadyError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@asynccontextmanager
async def answering(answer: bytes) -> AsyncIterator[int]:
    """A server that sends the same bytes to everybody and hangs up."""

    async def reply(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(reply, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


STARTING_UP = b"E\x00\x00\x00\x2aSFATAL\0C57P03\0Mthe database is starting"


@pytest.mark.parametrize("answer", [STARTING_UP, b"", b"R\x00"])
async def test_a_database_that_starts_up_or_hangs_up_is_not_ready(answer: bytes) -> None:
    async with answering(answer) as port:
        with pytest.raises((NotReadyError, EOFError, OSError)):
            await probe.postgres(port, "autional")


async def test_a_database_that_asks_for_a_password_is_ready() -> None:
    async with answering(b"R\x00\x00\x00\x08\x00\x00\x00\x0a") as port:
        await probe.postgres(port, "autional")


async def test_waiting_names_what_and_the_servers_own_words() -> None:
    async with answering(b"-LOADING dataset in memory\r\n") as port:
        with pytest.raises(AutionalError, match=r"redis on x did not answer within 0\.3 s \(LOADING dataset") as caught:
            await probe.until(lambda: probe.redis(port, ("PING",)), what="redis on x", timeout_s=0.3)
    assert caught.value.exit_code is ExitCode.BACKEND_UNAVAILABLE
    assert caught.value.hint == "autional why redis"


@pytest.mark.parametrize("answer", [b"", b"garbage without an end", b"x" * (1 << 17)])
async def test_whatever_else_listens_there_leads_to_the_deadline_not_to_a_crash(answer: bytes) -> None:
    async with answering(answer) as port:
        for answers in (lambda: probe.redis(port, ("PING",)), lambda: mongo_wire.hello(port), lambda: probe.smtp(port)):
            with pytest.raises(AutionalError, match="did not answer"):
                await probe.until(answers, what="it", timeout_s=0.1)


def test_documents_are_encoded_as_the_driver_encodes_them() -> None:
    document: dict[str, mongo_wire.Value] = {
        "createUser": "ä",
        "pwd": "x",
        "roles": [{"role": "readWrite", "db": "audit"}],
        "n": 1,
        "$db": "admin",
    }
    assert mongo_wire.encode(document) == bson.encode(document)


async def test_what_the_server_refuses_is_told_in_its_words() -> None:
    refusal = bson.encode({"ok": 0.0, "errmsg": "not authorized", "code": 13})
    answer = (21 + len(refusal)).to_bytes(4, "little") + bytes(17) + refusal
    async with answering(answer) as port:
        with pytest.raises(NotReadyError, match="not authorized"):
            await mongo_wire.call(port, {"createUser": "x"})
