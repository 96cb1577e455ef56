"""The pauses of background loops, by the loop's own clock."""

from __future__ import annotations

import asyncio
import time

from services.chassis.pacing import Pacer


async def turns(pacer: Pacer, count: int) -> list[float]:
    """Take turns without a pause; return the time each had to wait."""
    waits = []
    for _ in range(count):
        asked = time.monotonic()
        await pacer.turn()
        waits.append(time.monotonic() - asked)
    return waits


async def test_the_first_turn_comes_at_once_and_the_pauses_grow_while_work_does_not_end() -> None:
    first, *rest = await turns(Pacer(0.05, 0.15), 14)
    assert first < 0.05
    assert rest[0] < 0.125
    assert min(rest[-3:]) >= 0.125


async def test_after_a_pause_it_is_quick_again() -> None:
    pacer = Pacer(0.05, 0.15)
    await turns(pacer, 12)
    await asyncio.sleep(0.25)  # the pause itself is what is tested
    at_once, second = await turns(pacer, 2)
    assert at_once < 0.05
    assert second < 0.125
