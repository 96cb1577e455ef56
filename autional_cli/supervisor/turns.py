"""Who may build itself up now: a few processes at a time, so that what the others wait for is not starved of them."""

from __future__ import annotations

import asyncio
import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

LONGEST_S = 2.0  # whoever takes longer is waiting for something else than the processor


class Turns:
    """As many turns at once as there are cores, and one for the moments when somebody waits for a disk."""

    def __init__(self, at_once: int = 0) -> None:
        self._free = asyncio.Semaphore(at_once or (os.cpu_count() or 1) + 1)

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        """Wait for a turn, and give it back at the end of the block, or after LONGEST_S seconds if that is sooner."""
        await self._free.acquire()
        ending = asyncio.get_running_loop().call_later(LONGEST_S, self._free.release)
        try:
            yield
        finally:
            if not ending.cancelled() and ending.when() > asyncio.get_running_loop().time():
                ending.cancel()
                self._free.release()
