"""What a part of a service must offer to be started and stopped by `Application`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

Ready = Callable[[], None]


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


@dataclass(frozen=True, slots=True)
class Cleanup:
    """Something to close at the very end, named so that a hanging one can be told."""

    name: str
    close: Callable[[], Awaitable[None] | None]
    timeout_s: float
