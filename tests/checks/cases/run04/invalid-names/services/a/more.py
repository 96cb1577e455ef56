import asyncio
import functools
from asyncio import *
from asyncio import tasks as t


async def f(bus, kept):
    create_task(f())  # expect: RUN04
    t.create_task(f())  # expect: RUN04
    asyncio.Task(f())  # expect: RUN04
    asyncio.gather(f())  # expect: RUN04
    f"{asyncio.create_task(f())}"  # expect: RUN04
    asyncio.create_task(f()).cancel  # expect: RUN04
    assert asyncio.create_task(f())  # expect: RUN04
    if asyncio.create_task(f()):  # expect: RUN04
        pass
    (unread := asyncio.create_task(f()))  # expect: RUN04
    list(map(asyncio.create_task, [f()]))  # expect: RUN04
    bus.on("x", functools.partial(asyncio.create_task, f()))  # expect: RUN04
    print(asyncio.create_task(f()))  # expect: RUN04
    dict(a=asyncio.create_task(f()))  # expect: RUN04
    asyncio.shield(asyncio.create_task(f()))  # expect: RUN04
