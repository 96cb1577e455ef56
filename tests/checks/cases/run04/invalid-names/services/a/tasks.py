import asyncio

start = asyncio.create_task


def spawn(work):
    return asyncio.create_task(work)


async def later(work):
    return asyncio.create_task(work)


from services.a.other import twice
