"""Pacing: background loops answer at once when little happens, and gather work when much does.

Ten turns a second are enough for work that nobody waits for, three when it does not stop coming; each then does what
several would have done one by one.
"""

from __future__ import annotations

import asyncio
import time

TURN_S = 0.1
BUSY_S = 0.3
_GROWTH = 1.15  # eight turns without a pause in between lead from one to the other


class Pacer:
    """Lets a loop take at most one turn per interval (seconds); the first after a pause comes at once.

    The interval grows from `interval_s` to `busy_s` while every turn finds work waiting.
    """

    def __init__(self, interval_s: float = TURN_S, busy_s: float = BUSY_S) -> None:
        self._first_s = self._interval_s = interval_s
        self._busy_s = max(interval_s, busy_s)
        self._next_at = 0.0

    async def turn(self) -> None:
        """Return when it is time for the next turn."""
        pause_s = self._next_at - time.monotonic()
        if pause_s > 0:
            self._interval_s = min(self._interval_s * _GROWTH, self._busy_s)
            await asyncio.sleep(pause_s)
        else:
            self._interval_s = self._first_s
        self._next_at = time.monotonic() + self._interval_s
