"""What a part of a service must offer to be started and stopped by `Application`."""

from __future__ import annotations

import asyncio
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
    RELAY = 3  # outbox: after the last request that could publish


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
