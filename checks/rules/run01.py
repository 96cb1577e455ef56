"""No blocking call in async code.

Harm: one blocked event loop stops every request of that process, its health checks and its drain.
Rule: no blocking HTTP, file, process or sleep call inside `async def` [ruff ASYNC].
Fix: use the asynchronous API, or `asyncio.to_thread`.
Escape: none; P0. What ruff cannot see to be harmless is moved to `asyncio.to_thread`.
"""

from __future__ import annotations

from checks.model import Tier
from checks.tools.ruff import RuffRule


class Run01(RuffRule):
    """No blocking call in async code; ruff looks."""

    code = "RUN01"
    tier = Tier.P0
    title = "no blocking call in async code"
