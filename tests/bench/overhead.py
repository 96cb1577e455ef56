"""What tracing costs on a trivial route: requests per second with and without it, in turn, in one process each."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvloop

from tests.bench.report import Result, median
from tests.bench.trivial import SINK_PORT
from tests.platform.running import ROOT

_ROUNDS = 5
_SECONDS = 4.0
_CONNECTIONS = 32
_REQUEST = b"GET /trivial HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"


def measure() -> Result:
    """Alternate between a server with and one without tracing; the load comes from this process."""
    result = Result(name="tracing overhead on a trivial route")
    rates: dict[str, list[float]] = {"traced": [], "untraced": []}
    with server("sink", SINK_PORT):
        for _ in range(_ROUNDS):
            for kind, port in (("untraced", 29801), ("traced", 29802)):
                with server(kind, port):
                    rates[kind].append(uvloop.run(load(port)))
    result.add("untraced, median", median(rates["untraced"]), "req/s")
    result.add("traced, median", median(rates["traced"]), "req/s")
    result.add("traced / untraced", median(rates["traced"]) / median(rates["untraced"]), "", at_least=0.55)
    return result


@contextmanager
def server(role: str, port: int) -> Iterator[None]:
    """Run a server while the block runs."""
    argv = [sys.executable, "-m", "tests.bench.trivial", role, str(port)]
    process = subprocess.Popen(argv, cwd=ROOT, env=dict(os.environ), stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        process.stdout.readline()  # it says when it listens
        yield
    finally:
        process.terminate()
        process.communicate(timeout=20)


class Connection(asyncio.Protocol):
    """One connection that sends the next request when an answer came; it parses next to nothing, so as not to be
    what is measured."""

    def __init__(self, deadline: float) -> None:
        self.answered = 0
        self.closed = asyncio.get_running_loop().create_future()
        self._deadline = deadline

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(_REQUEST)

    def data_received(self, data: bytes) -> None:
        if b"HTTP/1.1 200" not in data:
            return  # the rest of an answer in two parts
        self.answered += 1
        if time.perf_counter() < self._deadline:
            self._transport.write(_REQUEST)
        else:
            self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        self.closed.set_result(None)


async def load(port: int) -> float:
    """Keep all connections busy for a while; return requests per second."""
    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    made = [
        await loop.create_connection(lambda: Connection(started + _SECONDS), "127.0.0.1", port)
        for _ in range(_CONNECTIONS)
    ]
    await asyncio.gather(*(connection.closed for _, connection in made))
    return sum(connection.answered for _, connection in made) / (time.perf_counter() - started)
