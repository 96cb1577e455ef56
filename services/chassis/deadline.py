"""Deadlines that travel: a call never waits longer than its caller will.

Inside a process the deadline is a context variable; between processes it is a remaining time (so clocks need not
agree): header `x-request-timeout-ms` over HTTP, the native deadline over gRPC.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

HEADER = "x-request-timeout-ms"
_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)


def remaining_s(default_s: float) -> float:
    """Return how many seconds the work in hand may still take, at most `default_s`."""
    deadline = _deadline.get()
    return default_s if deadline is None else max(0.0, min(default_s, deadline - time.monotonic()))


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Give the block at most `seconds`, or less if a shorter deadline is already in force."""
    token = _deadline.set(time.monotonic() + remaining_s(seconds))
    try:
        yield
    finally:
        _deadline.reset(token)


def parse(header: bytes | str) -> float | None:
    """Return the seconds in an `x-request-timeout-ms` header, or None if it is not a positive number."""
    try:
        milliseconds = int(header)
    except ValueError:
        return None
    return milliseconds / 1000 if milliseconds > 0 else None
