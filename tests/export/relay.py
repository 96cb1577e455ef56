"""`python -m tests.export.relay`: the network around a cluster, in a process of its own; ends when stdin does.

`forward` lends servers that listen on the loopback alone to the nodes. `balance` is what stands before the gateways in
production: it asks `/readyz`, leaves out who is not ready, and keeps each client's address apart. One JSON document on
stdin says what; the port of the balancer is printed once everything listens. It connects from the address that its
client has, which this machine holds, so that the gateways see who calls.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import sys
from contextlib import suppress
from dataclasses import dataclass, field

PROBE_EVERY_S = 0.2
PROBE_S = 1.0
CONNECT_S = 2.0
CHUNK = 65536


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy until one side ends, then say so to the other."""
    with suppress(OSError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


async def join(
    inner: tuple[asyncio.StreamReader, asyncio.StreamWriter], outer: tuple[asyncio.StreamReader, asyncio.StreamWriter]
) -> None:
    """Join two connections until both directions have ended."""
    await asyncio.gather(pump(inner[0], outer[1]), pump(outer[0], inner[1]))
    for _, writer in (inner, outer):
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


@dataclass
class Forward:
    """One address that leads to another."""

    host: str
    port: int
    target: tuple[str, int]

    async def serve(self) -> asyncio.Server:
        """Listen."""
        return await asyncio.start_server(self.accept, self.host, self.port)

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Lead one connection to its target."""
        try:
            outer = await asyncio.open_connection(*self.target)
        except OSError:
            writer.close()
            return
        await join((reader, writer), outer)


@dataclass
class Balance:
    """One address that leads to whichever target is ready."""

    host: str
    targets: list[tuple[str, int]]
    ready: set[tuple[str, int]] = field(default_factory=set)
    turn: itertools.count[int] = field(default_factory=itertools.count)

    async def serve(self) -> asyncio.Server:
        """Listen, and begin to ask."""
        self.watching = [asyncio.create_task(self.watch(target)) for target in self.targets]
        return await asyncio.start_server(self.accept, self.host, 0)

    async def watch(self, target: tuple[str, int]) -> None:
        """Ask a target again and again whether it is ready."""
        while True:
            (self.ready.add if await self.asks(target) else self.ready.discard)(target)
            await asyncio.sleep(PROBE_EVERY_S)

    async def asks(self, target: tuple[str, int]) -> bool:
        """Whether a target says that it is ready."""
        try:
            async with asyncio.timeout(PROBE_S):
                reader, writer = await asyncio.open_connection(*target)
                host = f"{target[0]}:{target[1]}".encode()
                writer.write(b"GET /readyz HTTP/1.1\r\nhost: " + host + b"\r\nconnection: close\r\n\r\n")
                line = await reader.readline()
                writer.close()
                return b" 200 " in line
        except (OSError, TimeoutError):
            return False

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Lead one connection to a target that is ready; the next one if it cannot be reached after all."""
        source = writer.get_extra_info("peername")[0]
        candidates = sorted(self.ready)
        start = next(self.turn)
        for number in range(len(candidates)):
            target = candidates[(start + number) % len(candidates)]
            try:
                async with asyncio.timeout(CONNECT_S):
                    outer = await asyncio.open_connection(*target, local_addr=(source, 0))
            except (OSError, TimeoutError):
                self.ready.discard(target)
                continue
            await join((reader, writer), outer)
            return
        writer.close()


async def main() -> None:
    """Serve until stdin ends."""
    wanted = json.loads(await asyncio.to_thread(sys.stdin.readline))
    for host, port, *target in wanted["forward"]:
        await Forward(host, port, (target[0], target[1])).serve()
    balance = Balance(wanted["host"], [(host, port) for host, port in wanted["balance"]])
    server = await balance.serve()
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    os._exit(0)  # what is joined is cut, as by a network that goes away


if __name__ == "__main__":
    asyncio.run(main())
