"""Real service processes for the tests of starting and draining."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from services.chassis.auth import HEADER, Signer
from tests.chassis.servers import PROBE, WITNESS, Servers
from tests.guard import guarded

ROOT = Path(__file__).parents[2]
START_S = 20.0
END_S = 15.0


def as_witness(servers: Servers) -> aiohttp.ClientSession:
    """Return a client of probe's HTTP that signs each request as witness: a token lives for seconds."""
    signer = Signer("witness", servers.settings(WITNESS).private_key_file)

    async def sign(
        request: aiohttp.ClientRequest, handler: Callable[[aiohttp.ClientRequest], Awaitable[aiohttp.ClientResponse]]
    ) -> aiohttp.ClientResponse:
        request.headers.setdefault(HEADER, signer.token("probe"))
        return await handler(request)

    url = f"http://127.0.0.1:{servers.settings().http_port}"
    return aiohttp.ClientSession(url, middlewares=(sign,), timeout=aiohttp.ClientTimeout(total=20))


class Gates:
    """Where a process waits for the test: `arrived` tells that it is there, `open` lets it go on."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._arrived: defaultdict[str, asyncio.Queue[asyncio.StreamWriter]] = defaultdict(asyncio.Queue)
        self._at: dict[str, asyncio.StreamWriter] = {}
        self._all: list[asyncio.StreamWriter] = []

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._all.append(writer)
        self._arrived[(await reader.readline()).decode().strip()].put_nowait(writer)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        async with await asyncio.start_unix_server(self._serve, self.path):
            yield
            for writer in self._all:
                writer.close()
                with suppress(OSError):
                    await writer.wait_closed()

    async def arrived(self, name: str) -> None:
        """Wait until the process is at the gate."""
        async with asyncio.timeout(START_S):
            self._at[name] = await self._arrived[name].get()

    def open(self, name: str) -> None:
        """Let it go on."""
        self._at.pop(name).close()


class Notifications:
    """What the process says over NOTIFY_SOCKET (sd_notify)."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.setblocking(False)
        self.said: list[dict[str, str]] = []

    async def until(self, key: str) -> str:
        """Wait for a message with `key` and return its value."""
        for message in self.said:
            if key in message:
                return message[key]
        while True:
            raw = await asyncio.get_running_loop().sock_recv(self._socket, 65536)
            message = dict(line.split("=", 1) for line in raw.decode().splitlines())
            self.said.append(message)
            if key in message:
                return message[key]

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()


class Process:
    """One replica of probe in a process of its own."""

    def __init__(self, child: asyncio.subprocess.Process, gates: Gates, notifications: Notifications) -> None:
        self.child = child
        self.gates = gates
        self.notifications = notifications

    async def ready(self) -> None:
        """Wait until it says READY."""
        async with asyncio.timeout(START_S):
            await self.notifications.until("READY")

    async def ended(self) -> int:
        """Wait until it has ended; return its exit code."""
        async with asyncio.timeout(END_S):
            return await self.child.wait()

    async def report(self) -> dict[str, Any]:
        """Return what it says of its drain at the end."""
        async with asyncio.timeout(END_S):
            report: dict[str, Any] = orjson.loads(await self.notifications.until("X_AUTIONAL_DRAIN"))
        return report


@asynccontextmanager
async def probe(servers: Servers, folder: Path, **env: str) -> AsyncIterator[Process]:
    """Start probe as a process; it is gone when the block ends."""
    gates, notifications = Gates(servers.instance.run_dir / "gate"), Notifications(servers.instance.run_dir / "notify")
    given = {
        **servers.variables(PROBE),
        "PATH": os.environ["PATH"],
        "NOTIFY_SOCKET": str(servers.instance.run_dir / "notify"),
        "PROBE_GATE": str(gates.path),
        "AUTIONAL_LOG_FILE": str(folder / "probe.jsonl"),
        **env,
    }
    try:
        async with gates.listening():
            with (folder / "probe.out").open("wb") as output:
                words, keep = guarded((sys.executable, "-m", "tests.chassis.probe_process"))
                child = await asyncio.create_subprocess_exec(
                    *words, cwd=ROOT, env=given, stdout=output, stderr=output, pass_fds=keep
                )
            try:
                yield Process(child, gates, notifications)
            finally:
                with suppress(ProcessLookupError):
                    child.kill()
                await child.wait()
    finally:
        notifications.close()
        for name in ("gate", "notify"):
            (servers.instance.run_dir / name).unlink(missing_ok=True)
