"""Answers that do not tell by their time what they must not say."""

from __future__ import annotations

import asyncio
import math
from types import TracebackType
from typing import Self


class Steps:
    """Ends at a multiple of `step_s` seconds since it was made.

    Two ways to an answer are told apart only if their times lie on different sides of a step. As a context manager it
    waits whether the block returns or raises; a caller that gives up is not kept.
    """

    def __init__(self, step_s: float) -> None:
        self._step_s = step_s
        self._began = asyncio.get_running_loop().time()

    async def wait(self) -> None:
        """Return at the next step."""
        now = asyncio.get_running_loop().time()
        steps = math.floor((now - self._began) / self._step_s) + 1
        await asyncio.sleep(self._began + steps * self._step_s - now)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        if kind is None or issubclass(kind, Exception):
            await self.wait()
