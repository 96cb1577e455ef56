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
_DIGITS = 9
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
    """Return the seconds in an `x-request-timeout-ms` header, or None if it is not a positive number of sane length."""
    text = header.decode("latin-1") if isinstance(header, bytes) else header
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS):
        return None
    return int(text) / 1000 or None
