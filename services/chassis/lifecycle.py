"""What a part of a service must offer to be started and stopped by `Application`."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Protocol

Ready = Callable[[], None]
_CANCELLATIONS = 20
_CANCEL_EVERY_S = 0.1


class Stage(IntEnum):
    """When a server is shut down during a drain; lower goes first."""

    INTAKE = 1  # consumers: take no new message, finish and ack the batch in hand
    LISTENER = 2  # HTTP, gRPC: close the socket, finish what is in flight
    JOBS = 3  # background work that requests and messages began
    RELAY = 4  # outbox: after the last request, message or job that could publish


class Server(Protocol):
    """Anything that runs for the life of the process."""

    @property
    def name(self) -> str:
        """What the drain report calls it."""

    @property
    def stage(self) -> Stage:
        """When it is shut down."""

    async def serve(self, ready: Ready) -> None:
        """Run until `shutdown`; call `ready` once work can arrive."""

    async def shutdown(self) -> None:
        """Take no more work, finish what is in hand, and let `serve` return."""


class Patience:
    """How long a stop waits for work in hand: `limit_s` seconds from `begin`, or until `hurry`, whichever is first."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._until: float | None = None
        self._hurried = asyncio.Event()

    def begin(self) -> None:
        """Start the clock; only the first call counts."""
        if self._until is None:
            self._until = time.monotonic() + self._limit_s

    def hurry(self) -> None:
        """Wait for nothing any more."""
        self._hurried.set()

    @property
    def left_s(self) -> float:
        """The seconds that are left; the whole limit before `begin`."""
        if self._hurried.is_set():
            return 0.0
        return self._limit_s if self._until is None else max(0.0, self._until - time.monotonic())

    async def wait_for(self, work: Awaitable[object], most_s: float = math.inf) -> bool:
        """Await `work`; false if patience, or `most_s` seconds, ran out and it was cancelled. Raises what it raises."""
        running = asyncio.ensure_future(work)
        hurried = asyncio.ensure_future(self._hurried.wait())
        try:
            limit_s = min(most_s, self.left_s)
            await asyncio.wait({running, hurried}, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            hurried.cancel()
            if not running.done():
                await end(running)
        if running.cancelled():
            return False
        running.result()
        return True


async def end(task: asyncio.Task[Any]) -> bool:
    """Cancel a background task and wait until it has ended and given back what it held; false if it never does.

    It is cancelled until it ends, because libraries swallow a cancellation that comes at a bad moment (redis-py while
    it connects, `asyncio.wait_for` of Python 3.11).
    """
    for _ in range(_CANCELLATIONS):
        task.cancel()
        done, _pending = await asyncio.wait([task], timeout=_CANCEL_EVERY_S)
        if done:
            return True
    return False


@dataclass(frozen=True, slots=True)
class Cleanup:
    """Something to close at the very end, named so that a hanging one can be told."""

    name: str
    close: Callable[[], Awaitable[None] | None]
    timeout_s: float
