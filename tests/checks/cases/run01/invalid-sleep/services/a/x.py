import time


async def f() -> None:
    time.sleep(1)  # expect: RUN01
