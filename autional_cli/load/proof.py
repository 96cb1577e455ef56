"""The proof that something loses nothing: load around it, then the account of every request and message."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from autional_cli.load.crowd import Shape, Target, load
from autional_cli.load.ledger import Ledger
from autional_cli.load.settling import settle
from autional_cli.load.stopped import turn_away

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from autional_cli.load.account import Account
    from autional_cli.load.crowd import Crowd
    from autional_cli.load.records import Records

Result = TypeVar("Result")
SHOWN = 100  # failed requests that a report lists; their number is always there


@dataclass(frozen=True, slots=True)
class Proof(Generic[Result]):
    """What was done (`result`), between which moments in Unix seconds, and what became of requests and messages."""

    result: Result
    began: float
    ended: float
    records: Records
    account: Account

    @property
    def lost_requests(self) -> int:
        """How many requests failed, from the first to the last of the load."""
        return len(self.records.failed())

    @property
    def lost_messages(self) -> int:
        """How many messages are lost."""
        return len(self.account.lost)

    @property
    def holds(self) -> bool:
        """Whether every request was answered and every message applied exactly once."""
        return not self.lost_requests and self.account.balanced

    def to_json(self) -> dict[str, Any]:
        """Return it for a report."""
        return {
            "holds": self.holds,
            "lost_requests": self.lost_requests,
            "lost_messages": self.lost_messages,
            "doubled_messages": len(self.account.doubled),
            "requests": self.records.count(),
            "failed_requests": [request.to_json() for request in self.records.failed()[:SHOWN]],
            "messages": self.account.to_json(),
        }


async def prove(
    target: Target,
    shape: Shape,
    during: Callable[[Crowd], Awaitable[Result]],
    *,
    before_s: float = 1.0,
    after_s: float = 1.0,
    settle_s: float = 30.0,
) -> Proof[Result]:
    """Await `during(crowd)` under load and account for everything.

    What `during` stops for good belongs into `crowd.stopped`: `load/stopped.py` says what is not lost then.

    `before_s` and `after_s` are seconds of load around it; `settle_s` is how long messages may take to arrive after
    the load. What `during` raises is raised once the load has ended. Raises what `load` and `Ledger.open` raise.
    """
    ledger = await Ledger.open(target.instance, target.services)
    try:
        async with load(target, shape) as crowd:
            await asyncio.sleep(before_s)
            began = time.time()
            result = await during(crowd)
            ended = time.time()
            await asyncio.sleep(after_s)
        turn_away(crowd.records, crowd.stopped, ledger.specs)
        ledger.stopped = frozenset(crowd.stopped)
        account = await settle(ledger, crowd.records.steps, deadline_s=settle_s)
    finally:
        await ledger.close()
    return Proof(result, began, ended, crowd.records, account)
