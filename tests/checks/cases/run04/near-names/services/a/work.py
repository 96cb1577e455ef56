import asyncio

from services.a.tasks import spawn


class Group:
    def create_task(self, work): ...


class Work:
    def __init__(self) -> None:
        self.tasks = set()
        self.group = asyncio.TaskGroup()

    async def go(self, group: asyncio.TaskGroup, own: Group):
        self.group.create_task(f())
        group.create_task(f())
        own.create_task(f())
        Group().create_task(f())
        self.task = asyncio.create_task(f())
        self.tasks.add(asyncio.create_task(f()))
        async with asyncio.TaskGroup() as workers:
            workers.create_task(f())
            [workers.create_task(f()) for _ in range(3)]


async def f():
    await asyncio.create_task(f())
    await asyncio.get_running_loop().create_task(f())
    await asyncio.gather(*(asyncio.create_task(f()) for _ in range(3)))
    tasks = [asyncio.create_task(f()) for _ in range(3)]
    await asyncio.wait(tasks)
    tasks = list(map(lambda each: asyncio.create_task(each), tasks))
    task = asyncio.ensure_future(f())
    task.add_done_callback(print)
    await spawn(f())
    kept = spawn(f())
    kept.cancel()
    if task := asyncio.create_task(f()):
        await task
    make = lambda: asyncio.create_task(f())  # noqa: E731
    await make()
    asyncio.get_running_loop().call_soon(print)
    return asyncio.create_task(f())
