import asyncio
from socket import create_connection

SOCKET = create_connection(("127.0.0.1", 1), 2.0)


async def f(options: dict) -> None:
    async with asyncio.timeout(5):
        await asyncio.open_connection("127.0.0.1", 1)
    await asyncio.wait_for(asyncio.open_connection("127.0.0.1", 1), 5)


class redis:
    """Not the library."""
