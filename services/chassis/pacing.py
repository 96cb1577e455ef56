"""Pacing: background loops answer at once when little happens, and gather work when much does.

Ten turns a second are enough for work that nobody waits for; each then does what several would have done one by one.
"""

from __future__ import annotations

import asyncio
import time

TURN_S = 0.1


class Pacer:
    """Lets a loop take at most one turn per interval (seconds); the first after a pause comes at once."""

    def __init__(self, interval_s: float = TURN_S) -> None:
        self._interval_s = interval_s
        self._next_at = 0.0

    async def turn(self) -> None:
        """Return when it is time for the next turn."""
        pause_s = self._next_at - time.monotonic()
        if pause_s > 0:
            await asyncio.sleep(pause_s)
        self._next_at = time.monotonic() + self._interval_s
