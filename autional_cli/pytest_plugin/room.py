"""The room in which waiting happens: one thread with an event loop, so that a plain test can wait for what is async."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import TYPE_CHECKING, Any, TypeVar

from autional_cli.errors import AutionalError, ExitCode

if TYPE_CHECKING:
    from collections.abc import Coroutine

    import aiohttp

T = TypeVar("T")
LONGEST_S = 120.0
CLOSE_S = 10.0
REQUEST_S = 60.0


class Room:
    """Runs coroutines for callers without a loop. Use it as a context manager; every wait in it has a deadline."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="autional-room", daemon=True)
        self._http: aiohttp.ClientSession | None = None

    def __enter__(self) -> Room:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.run(self._end(), timeout_s=CLOSE_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CLOSE_S)
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, T], *, timeout_s: float = LONGEST_S) -> T:
        """Run a coroutine here and return its result; AutionalError (exit 5) past `timeout_s` seconds."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(timeout_s)
        except FutureTimeoutError:
            if future.done():
                raise
            name = getattr(work, "__qualname__", "the work")
            message = f"{name} did not end within {timeout_s:g} s"
            raise AutionalError(message, hint="autional doctor", exit_code=ExitCode.WAIT_TIMED_OUT) from None
        finally:
            future.cancel()

    async def http(self) -> aiohttp.ClientSession:
        """Return the HTTP client of this room; it keeps no cookies, so that users stay apart."""
        if self._http is None:
            import aiohttp

            limit = aiohttp.ClientTimeout(total=REQUEST_S)
            self._http = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), timeout=limit)
        return self._http

    async def _end(self) -> None:
        if self._http is not None:
            await self._http.close()
        left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await self._loop.shutdown_asyncgens()
