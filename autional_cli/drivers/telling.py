"""What a resource is busy with, told to whoever brings it up: the unit's status in `up` and `ps`."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_listener: ContextVar[Callable[[str], None] | None] = ContextVar("listener", default=None)


def tell(status: str) -> None:
    """Say what is being done, in a few words; from any thread that `asyncio.to_thread` started."""
    listener = _listener.get()
    if listener:
        listener(status)


@contextmanager
def listening(listener: Callable[[str], None]) -> Iterator[None]:
    """Have `listener` called, from whichever thread, with what is told in the block."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)
