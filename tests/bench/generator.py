"""A load generator that costs little: `python -m tests.bench.generator PORT CONNECTIONS SECONDS`.

It keeps connections busy with one fixed request and counts answers by their end; it prints requests per second. Every
wait has an end: a connection that is silent past the deadline is aborted, and the number of those is printed too.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import cast

import uvloop

_REQUEST = b"GET /trivial HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"
_GRACE_S = 2.0  # for the last answers


class Connection(asyncio.Protocol):
    """Sends the next request when an answer is complete; the answers are all of one length."""

    def __init__(self, deadline: float) -> None:
        self.answered = 0
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.transport: asyncio.Transport | None = None
        self._deadline = deadline
        self._length = 0
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is not a subclass of it
        self.transport.write(_REQUEST)

    def data_received(self, data: bytes) -> None:
        if len(data) != self._length or self._received:
            self._received += data
            if not self._complete():
                return
            self._received = b""
        self.answered += 1
        assert self.transport is not None
        if time.perf_counter() < self._deadline:
            self.transport.write(_REQUEST)
        else:
            self.transport.close()

    def _complete(self) -> bool:
        """Return whether a whole answer is there; learns its length, which all others share."""
        head, end, body = self._received.partition(b"\r\n\r\n")
        if not end:
            return False
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"not a good answer: {head[:200]!r}")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        self._length = len(head) + len(end) + length
        return len(body) >= length

    def connection_lost(self, error: Exception | None) -> None:
        if not self.closed.done():
            self.closed.set_result(None)


async def load(port: int, connections: int, seconds: float) -> dict[str, float]:
    """Keep all connections busy for a while; return requests per second and how many connections fell silent."""
    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    made: list[Connection] = []
    async with asyncio.timeout(seconds + _GRACE_S):
        for _ in range(connections):
            _, connection = await loop.create_connection(lambda: Connection(started + seconds), "127.0.0.1", port)
            made.append(connection)
    _, silent = await asyncio.wait([connection.closed for connection in made], timeout=seconds + _GRACE_S)
    elapsed = time.perf_counter() - started
    for connection in made:
        if not connection.closed.done() and connection.transport is not None:
            connection.transport.abort()
    return {"rate": sum(connection.answered for connection in made) / elapsed, "silent": len(silent)}


if __name__ == "__main__":
    port, connections, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    print(json.dumps(uvloop.run(load(port, connections, seconds))))
