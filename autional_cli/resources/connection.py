"""A loopback connection to a server that may not be up yet."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from autional_cli.ports import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

MAX_ANSWER = 1 << 20
CONNECT_S = 5.0


class NotReadyError(Exception):
    """The server is there but does not serve yet, or refuses; the text is its own."""


@contextlib.asynccontextmanager
async def connection(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Open a connection and close it again."""
    async with asyncio.timeout(CONNECT_S):
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
