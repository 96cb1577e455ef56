import functools
import subprocess
import threading
import time
from pathlib import Path
from time import sleep as pause

from services.a import slow
from services.a.deep import far
from services.a.slow import Reader, rest

nap = time.sleep
short = functools.partial(time.sleep, 0.1)
idle = lambda: time.sleep(1)  # noqa: E731


def wait():
    pause(1)


def later():
    return here()


class Work:
    def __init__(self, path: Path, reader: Reader) -> None:
        self._path = path
        self._reader = reader
        self._event = threading.Event()

    def read(self):
        with self._path.open() as file:
            return file.read()

    @staticmethod
    def run():
        return subprocess.run(["true"])

    async def do(self):
        self.read()  # expect: RUN01
        self.run()  # expect: RUN01
        Work.run()  # expect: RUN01
        self._reader.read()  # expect: RUN01
        self._event.wait()  # expect: RUN01
        with self._path.open() as file:  # expect: RUN01
            return file


async def f():
    wait()  # expect: RUN01
    nap(1)  # expect: RUN01
    short()  # expect: RUN01
    idle()  # expect: RUN01
    getattr(time, "sleep")(1)  # expect: RUN01
    rest()  # expect: RUN01
    slow.rest()  # expect: RUN01
    later()  # expect: RUN01
    far()  # expect: RUN01
    Reader("x")  # expect: RUN01
    alias = slow.rest
    alias()  # expect: RUN01
    [wait() for _ in range(3)]  # expect: RUN01
    import requests as http

    http.get("https://example.test")  # expect: RUN01
    session = http.Session()
    session.post("https://example.test")  # expect: RUN01


def here():
    return open("x")
