"""Stands in for Jaeger: our own telemetry server, with OTLP on 4318 and the v3 query API on 16686, kept in memory only.

It says nothing about Jaeger's own behaviour beyond the interface that the snapshots of its repository document.
"""

from __future__ import annotations

import asyncio
import os
import socket
import tempfile

from autional_cli.telemetry.journal import Journal
from autional_cli.telemetry.server import serve

OTLP, QUERY = 4318, 16686


async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass one connection of the query port on to the one server that there is."""
    inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", OTLP)

    async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        try:
            while chunk := await source.read(1 << 16):
                target.write(chunk)
                await target.drain()
        except OSError:
            pass
        finally:
            target.close()

    await asyncio.gather(copy(reader, inner_writer), copy(inner_reader, writer))


async def main() -> None:
    """Serve until SIGTERM."""
    folder = tempfile.mkdtemp(prefix="jaeger-")
    os.environ |= {"AUTIONAL_TRACES_DB": f"{folder}/traces.db", "AUTIONAL_LOGS_DIR": f"{folder}/logs"}
    os.environ |= {"AUTIONAL_LOG_FILE": f"{folder}/telemetry.jsonl", "AUTIONAL_HTTP_PORT": str(OTLP)}
    host = os.environ.get("JAEGER_LISTEN_HOST", "127.0.0.1")
    query = await asyncio.start_server(forward, host, QUERY)
    with socket.create_server((host, OTLP)) as listener:
        await serve(listener, Journal.from_environment())
    query.close()


asyncio.run(main())
