import asyncio
import urllib.request as web

import aiohttp as http
from redis.asyncio import Redis as Bus

SESSION = http.ClientSession()  # expect: RUN02
BUS = Bus(host="127.0.0.1")  # expect: RUN02
PAGE = web.urlopen("http://127.0.0.1")  # expect: RUN02


async def f() -> None:
    await asyncio.open_connection("127.0.0.1", 1)  # expect: RUN02
