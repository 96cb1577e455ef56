"""SIGTERM and SIGINT: the first begins the drain, the second hurries it."""

from __future__ import annotations

import asyncio
import itertools
import signal

from services.chassis.lifecycle import Patience
from services.chassis.watchdog import Watchdog


def ignore_stop_signals() -> None:
    """Let a signal that comes once all is done not spoil the exit code."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)


def on_stop_signals(watchdog: Watchdog, stop: asyncio.Event, patience: Patience) -> None:
    """On SIGTERM and SIGINT: set `stop`, and start the watchdog's clock even if the loop is blocked and cannot.

    The second one means hurry.
    """
    loop = asyncio.get_running_loop()

    came = itertools.count()

    def begin(_number: int, _frame: object) -> None:
        watchdog.arm()
        loop.call_soon_threadsafe(patience.hurry if next(came) else stop.set)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, begin)
