import asyncio


async def f() -> None:
    await asyncio.sleep(1)
