import asyncio
import time

from services.a.decorators import in_thread


def wait():
    time.sleep(1)


def both():
    wait()


@in_thread
def moved():
    time.sleep(1)


class Clock:
    def sleep(self, seconds):
        return seconds

    def tick(self):
        return self.sleep(1)


async def f(time: Clock):
    await asyncio.to_thread(wait)
    await asyncio.get_running_loop().run_in_executor(None, wait)
    await asyncio.to_thread(lambda: wait())
    await asyncio.to_thread(lambda: both())
    await moved()
    time.sleep(1)
    time.tick()

    def inner():
        wait()

    await asyncio.to_thread(inner)


def g():
    wait()
    asyncio.run(f(Clock()))


class Sync:
    def read(self):
        time.sleep(1)


class Async(Sync):
    async def read(self):
        await asyncio.sleep(1)

    async def f(self):
        await self.read()
        await asyncio.to_thread(super().read)
