"""A process that was started before what it needs was ready: it builds itself up, and is told when to go on."""

from __future__ import annotations

import asyncio
import os
import signal

from services.chassis.notify import notify

_GO = "AUTIONAL_GO_FD"  # a descriptor that the word to go on is read from


async def told_to_go() -> bool:
    """Wait for the word to go on; false if the word was to stop. A process that nobody holds goes on at once."""
    given = os.environ.pop(_GO, "")
    if not given:
        return True
    loop, descriptor = asyncio.get_running_loop(), int(given)
    told: asyncio.Future[bool] = loop.create_future()

    def tell(go: bool) -> None:
        if not told.done():
            told.set_result(go)

    stops = (signal.SIGTERM, signal.SIGINT)
    for number in stops:
        loop.add_signal_handler(number, tell, False)
    loop.add_reader(descriptor, tell, True)
    notify(X_AUTIONAL_HELD="1", STATUS="waits for what it needs")
    try:
        return await told
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
        if told.done() and told.result():  # the application takes signals from here on
            for number in stops:
                loop.remove_signal_handler(number)
