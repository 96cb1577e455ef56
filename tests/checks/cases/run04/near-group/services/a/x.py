import asyncio


async def f() -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(f())
