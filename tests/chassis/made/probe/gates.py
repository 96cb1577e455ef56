"""Where probe waits for the test."""

from __future__ import annotations

import asyncio
import os


async def gate(name: str) -> None:
    """Tell the test that we are here, and wait until it lets us go on."""
    reader, writer = await asyncio.open_unix_connection(os.environ["PROBE_GATE"])
    writer.write(name.encode() + b"\n")
    await reader.read(1)
    writer.close()
