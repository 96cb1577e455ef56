"""No naive now().

Harm: a time without a zone is wrong twice a year, and in every other zone.
Rule: no `datetime.now()`, `utcnow()` and the like without a time zone [ruff DTZ].
Fix: `services.chassis.clock.utcnow()`, or `datetime.now(UTC)`.
Escape: `noqa` with the rule of ruff and a reason, or `autional: ignore[RUN07] reason="…" until=…`.
"""

from __future__ import annotations

from checks.model import Tier
from checks.tools.ruff import RuffRule


class Run07(RuffRule):
    """No naive now(); ruff looks."""

    code = "RUN07"
    tier = Tier.P1
    title = "no naive now()"
