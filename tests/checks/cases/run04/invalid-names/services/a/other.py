from asyncio import ensure_future as twice
