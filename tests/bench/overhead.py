"""What tracing costs on a trivial route: requests per second with and without it, in turn, in one process each."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp

from tests.bench.report import Result, median
from tests.bench.trivial import SINK_PORT
from tests.platform.running import ROOT

_ROUNDS = 5
_SECONDS = 4.0
_CONNECTIONS = 32


def measure() -> Result:
    """Alternate between a server with and one without tracing; the load comes from this process."""
    result = Result(name="tracing overhead on a trivial route")
    rates: dict[str, list[float]] = {"traced": [], "untraced": []}
    with server("sink", SINK_PORT):
        for _ in range(_ROUNDS):
            for kind, port in (("untraced", 29801), ("traced", 29802)):
                with server(kind, port):
                    rates[kind].append(asyncio.run(load(port)))
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


async def load(port: int) -> float:
    """Keep all connections busy for a while."""
    done = 0
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=_CONNECTIONS)) as http:
        deadline = time.perf_counter() + _SECONDS

        async def one() -> None:
            nonlocal done
            while time.perf_counter() < deadline:
                async with http.get(f"http://127.0.0.1:{port}/trivial") as response:
                    await response.read()
                    done += 1

        started = time.perf_counter()
        await asyncio.gather(*(one() for _ in range(_CONNECTIONS)))
        return done / (time.perf_counter() - started)
