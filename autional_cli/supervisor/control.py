"""The control socket: requests and streams as lines of JSON, for the owner of the instance alone.

A client sends `{"op": …}` and gets any number of events, then one `{"result": …}` or `{"error": …}`. `{"op": "cancel"}`
asks the running request to be undone. Lines are at most LARGEST bytes.
"""

from __future__ import annotations

import asyncio
import json
import os
import traceback
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from autional_cli.errors import AutionalError, ExitCode
from autional_cli.supervisor.peer import peer
from autional_cli.supervisor.presence import identity, make_way

if TYPE_CHECKING:
    import socket
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

    Operation = Callable[[dict[str, Any], "Channel"], Awaitable[Any]]

LARGEST = 64 * 1024
HINT = "the traceback is in the log of the supervisor: .autional/<instance>/logs/supervisor.out"
ANSWER_S = 5.0  # for a client to take its last answer


class LastError(AutionalError):
    """An error after which the supervisor ends: the client waits for that before it reports."""


class Channel:
    """One client: what is sent to it, and whether it cancelled or left."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self.cancelled = asyncio.Event()
        self.gone = asyncio.Event()

    async def send(self, message: Mapping[str, Any]) -> None:
        """Send one line. A client that left is not an error: its request goes on without it."""
        if self.gone.is_set():
            return
        try:
            self._writer.write(json.dumps(message, separators=(",", ":"), default=str).encode() + b"\n")
            await self._writer.drain()
        except ConnectionError:
            self.gone.set()


class Control:
    """Listens on `path` and hands each request to the operation it names."""

    def __init__(self, path: Path, operations: Mapping[str, Operation]) -> None:
        self._path = path
        self._operations = operations
        self._server: asyncio.Server | None = None
        self._bound: tuple[int, int] | None = None
        self._clients: set[asyncio.Task[None]] = set()
        self._answers: set[asyncio.Task[None]] = set()

    @property
    def is_open(self) -> bool:
        """Whether clients are served."""
        return self._server is not None

    async def open(self) -> None:
        """Listen. The caller holds the instance's lock, so a socket that is there is a leftover."""
        make_way(self._path)
        before = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(self._accept, path=self._path, limit=LARGEST)
        finally:
            os.umask(before)
        self._bound = identity(self._path)

    async def restore(self) -> bool:
        """Listen at the path again if the socket there was removed or replaced; return whether it was."""
        if self._server is None or identity(self._path) == self._bound:
            return False
        self._server.close()  # who is connected stays connected
        await self.open()
        return True

    async def adopt(self, connection: socket.socket) -> None:
        """Serve a connection that was inherited: the `up` that started this supervisor."""
        reader, writer = await asyncio.open_unix_connection(sock=connection, limit=LARGEST)
        self._begin(reader, writer)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if peer(writer.get_extra_info("socket")).uid in (os.getuid(), 0):
            self._begin(reader, writer)
        else:
            writer.close()

    def _begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._clients.add(task)
        task.add_done_callback(self._clients.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        channel = Channel(writer)
        running: asyncio.Task[None] | None = None
        with suppress(ConnectionError):
            while request := await self._next(reader, channel):
                if request.get("op") == "cancel":
                    channel.cancelled.set()
                elif running and not running.done():
                    await channel.send(error(AutionalError("another request of this connection is running")))
                else:
                    channel.cancelled.clear()
                    running = asyncio.create_task(self._answer(request, channel))
                    self._answers.add(running)
                    running.add_done_callback(self._answers.discard)
        channel.gone.set()
        if running:
            await running
        writer.close()

    @staticmethod
    async def _next(reader: asyncio.StreamReader, channel: Channel) -> dict[str, Any]:
        """Return the next request, empty at the end; a line that is not one ends the connection with an error."""
        try:
            line = await reader.readline()
            request = json.loads(line) if line else {}
            if isinstance(request, dict):
                return request
            problem = "a request is a JSON object"
        except ValueError as failure:  # not JSON, not UTF-8, or longer than LARGEST
            problem = f"not a request: {failure}"
        await channel.send(error(AutionalError(problem)))
        return {}

    async def _answer(self, request: dict[str, Any], channel: Channel) -> None:
        operation = self._operations.get(str(request.get("op")), unknown)
        try:
            await channel.send({"result": await operation(request, channel)})
        except AutionalError as failure:
            await channel.send(error(failure))
        except (TypeError, KeyError, ValueError) as failure:
            await channel.send(error(AutionalError(f"bad request: {type(failure).__name__}: {failure}")))
        except Exception as failure:  # noqa: BLE001 - a client must get an answer, whatever went wrong
            traceback.print_exception(failure)
            words = f"{type(failure).__name__}: {failure}"
            await channel.send(error(AutionalError(words, hint=HINT, exit_code=ExitCode.BACKEND_UNAVAILABLE)))

    async def close(self) -> None:
        """Stop listening, remove the socket, finish the answers under way.

        Connections stay open until the process ends: their end tells a client that it is gone.
        """
        server, self._server = self._server, None
        if server:
            server.close()
        self._path.unlink(missing_ok=True)
        if self._answers:
            await asyncio.wait(set(self._answers), timeout=ANSWER_S)


async def unknown(request: dict[str, Any], _: Channel) -> Any:
    """Answer an operation that there is not."""
    raise AutionalError(
        f"the supervisor knows no operation {request.get('op')!r}",
        hint="the command line is newer than the supervisor: autional down, then autional up",
    )


def error(failure: AutionalError) -> dict[str, Any]:
    """Return an error in the form of the protocol."""
    code = int(failure.exit_code or ExitCode.USAGE)
    ends = {"ends": os.getpid()} if isinstance(failure, LastError) else {}
    return {"error": {"message": failure.message, "hint": failure.hint, "exit_code": code, **ends}}
