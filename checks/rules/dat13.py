"""MongoDB indexes and validators agree.

Harm: a query without its index reads the whole trail; a lost validator lets anything in.
Rule: collections, indexes and validators are those that the service declares.
Fix: restart the service, which creates them; `autional drift` shows the command.
Escape: none.
"""

from __future__ import annotations

from checks.drift import DriftRule
from checks.model import Tier


class Dat13(DriftRule):
    """MongoDB indexes and validators agree."""

    code = "DAT13"
    tier = Tier.P1
    title = "MongoDB indexes and validators agree"
    database = "mongo"
