import asyncio
import time

from services.a.slow import Reader


class Mine(Reader):
    def __init__(self):
        self.path = "x"

    async def f(self):
        self.read()  # expect: RUN01
        super().read()  # expect: RUN01
        loop = asyncio.get_running_loop()
        loop.call_soon(time.sleep, 1)  # expect: RUN01
        loop.call_later(1, self.read)  # expect: RUN01
        for each in (time.sleep,):
            each(1)  # expect: RUN01
