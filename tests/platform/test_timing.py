"""Whether an address has an account cannot be measured: interleaved pairs, judged by a sign test.

Within a pair the two are asked one after the other in random order, so that what a busy machine does hits both alike.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import random
import secrets
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field

from tests.platform.test_hostile import Edge, edge  # noqa: F401 - a fixture

PAIRS = 200
SIGMAS = 4.0  # one run in 16,000 is wrong by chance
RESOLUTION_S = 0.000_5  # a difference whose median is below is nobody's to measure through a network

Ask = Callable[[str], Awaitable[int]]


async def difference(ask: Ask, known: list[str], unknown: list[str]) -> tuple[float, float]:
    """Return by how many standard deviations "known is slower" departs from chance, and the median difference in s."""
    differences = []
    for addresses in zip(known, unknown, strict=True):
        taken = {}
        order = list(enumerate(addresses))
        random.shuffle(order)
        for which, address in order:
            began = time.perf_counter()
            await ask(address)
            taken[which] = time.perf_counter() - began
        differences.append(taken[0] - taken[1])
    slower = sum(each > 0 for each in differences)
    return (slower - len(differences) / 2) / math.sqrt(len(differences) / 4), statistics.median(differences)


def address() -> str:
    return f"timing-{secrets.token_hex(6)}@example.com"


@dataclass(slots=True)
class Asker:
    """Asks identity, each time from another address, so that no limit is met."""

    edge: Edge
    path: str
    asked: Iterator[int] = field(default_factory=itertools.count)

    async def __call__(self, email: str) -> int:
        number = next(self.asked)
        body = {"email": email, "password": f"{self.path}-password-7"}  # wrong in a login
        if self.path.startswith("password"):
            del body["password"]
        return await self.edge.post(self.path, body, f"198.18.{number // 250}.{number % 250}")


async def test_whether_an_address_has_an_account_cannot_be_measured(edge: Edge) -> None:  # noqa: F811
    register = Asker(edge, "register")
    accounts = [address() for _ in range(PAIRS // 4)]  # an account takes four failures before it matters
    assert {await register(each) for each in accounts} == {201}
    known = accounts * 4
    askers = (Asker(edge, "login"), register, Asker(edge, "password/forgot"))
    found = await asyncio.gather(*(difference(ask, known, [address() for _ in known]) for ask in askers))
    told = {
        asker.path: f"{sigmas:+.1f} sigma, median {median_s * 1000:+.3f} ms"
        for asker, (sigmas, median_s) in zip(askers, found, strict=True)
        if abs(sigmas) >= SIGMAS and abs(median_s) >= RESOLUTION_S
    }
    assert told == {}
