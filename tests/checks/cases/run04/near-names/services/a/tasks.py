import asyncio


def spawn(work):
    return asyncio.create_task(work)
