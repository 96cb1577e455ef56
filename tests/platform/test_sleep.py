"""A whole platform that slept, as a laptop does, works again at once, and nobody was blamed or killed for it."""

from __future__ import annotations

import asyncio
import os
import signal
import time

import aiohttp
import psutil

from services.chassis.journey import JourneyError
from services.chassis.registry import LEASE_S
from services.identity import journey as identity
from tests.platform.conftest import join, traveller
from tests.platform.running import Platform
from tests.platform.test_faults import pids_of

SOON_S = 5.0  # for a busy machine; what waits for the next look at the registry takes ten


async def test_everything_works_again_at_once_after_a_sleep_that_outlasts_every_lease(
    own_platform: Platform, http: aiohttp.ClientSession
) -> None:
    status = own_platform.up()
    user = traveller(own_platform, status["gateway"], http)
    await join(user)
    everyone = pids_of(own_platform)
    everyone |= {child.pid for pid in everyone for child in psutil.Process(pid).children(recursive=True)}
    for pid in everyone:
        os.kill(pid, signal.SIGSTOP)
    await asyncio.sleep(LEASE_S + 2)  # the sleep that is tested: nothing runs that could be waited for
    for pid in everyone:
        os.kill(pid, signal.SIGCONT)
    woken = time.monotonic()
    while True:
        try:
            await identity.login(user)
            await identity.me(user)
            break
        except (JourneyError, aiohttp.ClientError):
            assert time.monotonic() - woken < SOON_S, "the platform did not work again"
    assert everyone <= {process.pid for process in psutil.process_iter()}
    after = own_platform.json("wait")
    assert after["state"] == "ready"
    assert not [replica for service in after["services"] for replica in service["replicas"] if replica["restarts"]]
    assert own_platform.json("smoke")["ok"]
