import time


def f() -> None:
    time.sleep(1)
