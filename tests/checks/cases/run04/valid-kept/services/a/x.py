import asyncio


async def f() -> None:
    task = asyncio.create_task(f())
    await task
