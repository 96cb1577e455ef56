"""Waiting until a platform has nothing on its way any more, then the balance."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from redis.exceptions import RedisError

from autional_cli.errors import AutionalError, ExitCode
from autional_cli.load.account import balance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from autional_cli.load.account import Account
    from autional_cli.load.ledger import Ledger
    from autional_cli.load.records import StepRun

LOOK_S = 0.25


async def settle(
    ledger: Ledger, steps: Sequence[StepRun] = (), *, deadline_s: float = 30.0, look_s: float = LOOK_S
) -> Account:
    """Return the account as soon as two looks find it quiet and balanced, or what is wrong after `deadline_s`.

    `look_s` is the pause between two looks. A message is called lost only at the deadline: until then it may be on its
    way. Call it when the load has ended.
    """
    ends = time.monotonic() + deadline_s
    previous = -1
    while True:
        account, quiet, problem = await _look(ledger, steps)
        if account is not None and quiet and account.balanced and account.published == previous:
            return account
        previous = account.published if account else -1
        if time.monotonic() > ends:
            if account is None:
                raise AutionalError(
                    f"the messages cannot be accounted for: the bus did not answer for {deadline_s:g} s: {problem}",
                    hint="autional why redis",
                    exit_code=ExitCode.BACKEND_UNAVAILABLE,
                )
            account.settled = quiet
            return account
        await asyncio.sleep(look_s)


async def _look(ledger: Ledger, steps: Sequence[StepRun]) -> tuple[Account | None, bool, str]:
    try:
        reading = await ledger.read()
    except (OSError, RedisError) as error:
        return None, False, repr(error)
    return balance(ledger, reading, steps), reading.is_quiet, ""
