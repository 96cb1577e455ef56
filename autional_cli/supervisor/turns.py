"""Who may build itself up now: a few processes at a time, so that what the others wait for is not starved of them."""

from __future__ import annotations

import asyncio
import os

LONGEST_S = 2.0  # whoever takes longer waits for something else than the processor


class Turn:
    """A turn that was taken. It ends when its process says so, and by itself after `longest_s` seconds."""

    def __init__(self, free: asyncio.Semaphore, longest_s: float) -> None:
        self._free: asyncio.Semaphore | None = free
        self._ending = asyncio.get_running_loop().call_later(longest_s, self.end)

    def end(self) -> None:
        """Give it back; nothing happens the second time."""
        free, self._free = self._free, None
        if free:
            self._ending.cancel()
            free.release()


class Turns:
    """As many at once as there are cores, and one for the moments when somebody waits for a disk."""

    def __init__(self, at_once: int = 0, longest_s: float = LONGEST_S) -> None:
        self._longest_s = longest_s
        self._free = asyncio.Semaphore(at_once or (os.cpu_count() or 1) + 1)

    async def take(self) -> Turn:
        """Wait for a turn: first come, first served."""
        await self._free.acquire()
        return Turn(self._free, self._longest_s)
