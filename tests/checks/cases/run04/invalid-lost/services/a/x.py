import asyncio


async def f() -> None:
    asyncio.create_task(f())  # expect: RUN04
