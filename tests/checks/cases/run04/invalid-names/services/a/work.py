import asyncio
import functools
from asyncio import create_task as go
from asyncio import ensure_future

from services.a.tasks import later, spawn, start, twice

run = asyncio.create_task
part = functools.partial(asyncio.create_task, name="x")


class Work:
    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._tg = asyncio
        self.on_end = lambda: asyncio.create_task(f())  # expect: RUN04

    async def go(self):
        self._loop.create_task(f())  # expect: RUN04
        self._tg.create_task(f())  # expect: RUN04
        self.spawn()  # expect: RUN04

    def spawn(self):
        return asyncio.create_task(f())


async def f():
    loop = asyncio.get_running_loop()
    go(f())  # expect: RUN04
    run(f())  # expect: RUN04
    part(f())  # expect: RUN04
    ensure_future(f())  # expect: RUN04
    loop.create_task(f())  # expect: RUN04
    asyncio.get_event_loop().create_task(f())  # expect: RUN04
    getattr(asyncio, "create_task")(f())  # expect: RUN04
    _ = asyncio.create_task(f())  # expect: RUN04
    unread = loop.create_task(f())  # expect: RUN04
    [asyncio.create_task(f()) for _ in range(3)]  # expect: RUN04
    any(asyncio.create_task(f()) for _ in range(3))  # expect: RUN04
    asyncio.create_task(f()) if unread_ else None  # expect: RUN04
    asyncio.create_task(f()).add_done_callback(print)  # expect: RUN04
    loop.call_soon(lambda: asyncio.create_task(f()))  # expect: RUN04
    loop.call_later(1, asyncio.create_task, f())  # expect: RUN04
    loop.call_soon(functools.partial(asyncio.create_task, f()))  # expect: RUN04
    bus.subscribe("x", lambda event: asyncio.create_task(f()))  # expect: RUN04
    handlers = {"x": lambda: asyncio.create_task(f())}  # expect: RUN04
    make = lambda: asyncio.create_task(f())  # noqa: E731
    make()  # expect: RUN04
    spawn(f())  # expect: RUN04
    start(f())  # expect: RUN04
    loop.call_soon(spawn, f())  # expect: RUN04
    await later(f())  # expect: RUN04
    twice(f())  # expect: RUN04
    here()  # expect: RUN04


def here():
    return asyncio.create_task(f())
