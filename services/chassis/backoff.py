"""Growing pauses between attempts, with jitter, for loops that must go on for ever.

Bounded retries of a single call belong to the client (`client.py`); this is for background work.
"""

from __future__ import annotations

import asyncio
import random

RETURN_S = 0.7  # the longest pause before a server is tried again: with jitter, one that is back is in use within 1 s


class Backoff:
    """Exponential backoff between `first_s` and `most_s` seconds, ±25 % so that replicas do not march in step."""

    def __init__(self, *, first_s: float, most_s: float) -> None:
        self._first_s = first_s
        self._most_s = most_s
        self.next_s = first_s

    def reset(self) -> None:
        """Begin again with the shortest pause."""
        self.next_s = self._first_s

    async def wait(self) -> None:
        """Pause, and make the next pause twice as long."""
        await asyncio.sleep(self.next_s * random.uniform(0.75, 1.25))  # noqa: S311 - jitter, not a secret
        self.next_s = min(self.next_s * 2, self._most_s)
