"""Just enough of MongoDB's wire protocol to say hello and to create the first users.

OP_MSG and BSON as documented (MongoDB manual, "Wire Protocol"; bsonspec.org). Importing the driver into the supervisor
would take longer than all of this.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

from autional_cli.resources.connection import MAX_ANSWER, NotReadyError, connection

OP_MSG = 2013
OK = b"\x01ok\x00" + struct.pack("<d", 1.0)
MESSAGE_KEY = b"\x02errmsg\x00"

Value = str | int | Sequence["Value"] | Mapping[str, "Value"]


async def hello(port: int) -> None:
    """Return when the server answers."""
    await call(port, {"hello": 1})


async def call(port: int, *commands: Mapping[str, Value]) -> None:
    """Run commands on the database `admin`, one after the other; NotReadyError with the server's own words."""
    async with connection(port) as (reader, writer):
        for number, command in enumerate(commands, 1):
            document = encode({**command, "$db": "admin"})
            writer.write(struct.pack("<iiiiIB", 21 + len(document), number, 0, OP_MSG, 0, 0) + document)
            (length,) = struct.unpack("<i", await reader.readexactly(4))
            answer = await reader.readexactly(min(max(length - 4, 0), MAX_ANSWER))
            if OK not in answer:
                raise NotReadyError(message(answer))


def create_user(name: str, password: str, role: str, database: str) -> dict[str, Value]:
    """Return the command that creates a user with one role on one database."""
    return {"createUser": name, "pwd": password, "roles": [{"role": role, "db": database}]}


def message(answer: bytes) -> str:
    """Return the error message in an answer."""
    _, found, rest = answer.partition(MESSAGE_KEY)
    return rest[4:].split(b"\0", 1)[0].decode(errors="replace") if found else "an answer without ok"


def encode(document: Mapping[str, Value]) -> bytes:
    """Return a document as BSON."""
    body = b"".join(element(name, value) for name, value in document.items())
    return struct.pack("<i", len(body) + 5) + body + b"\0"


def element(name: str, value: Value) -> bytes:
    """Return one named value as BSON: a string, a 32-bit integer, an array or a document."""
    key = name.encode() + b"\0"
    if isinstance(value, str):
        text = value.encode() + b"\0"
        return b"\x02" + key + struct.pack("<i", len(text)) + text
    if isinstance(value, int):
        return b"\x10" + key + struct.pack("<i", value)
    if isinstance(value, Mapping):
        return b"\x03" + key + encode(value)
    return b"\x04" + key + encode({str(index): item for index, item in enumerate(value)})
