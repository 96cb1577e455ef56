"""No dangling task.

Harm: the event loop keeps weak references only: a task that nothing holds may be collected before it has run, and
its exception is lost.
Rule: the result of `asyncio.create_task` is kept or awaited [ruff RUF006].
Fix: keep it, await it, or use a TaskGroup.
Escape: none; P0.
"""

from __future__ import annotations

from checks.model import Tier
from checks.tools.ruff import RuffRule


class Run04(RuffRule):
    """No dangling task; ruff looks."""

    code = "RUN04"
    tier = Tier.P0
    title = "no dangling task"
