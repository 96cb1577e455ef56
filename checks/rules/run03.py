"""No blind except.

Harm: a swallowed exception is a failure that nobody hears of until it costs data.
Rule: no bare `except`, no `except Exception` that neither raises nor logs, no `except: pass`
[ruff BLE, E722, S110, S112].
Fix: catch what can happen; at a boundary, log with the traceback and say in the `noqa` why.
Escape: `noqa` with the rule of ruff and a reason, or `autional: ignore[RUN03] reason="…" until=…`.
"""

from __future__ import annotations

from checks.model import Tier
from checks.tools.ruff import RuffRule


class Run03(RuffRule):
    """No blind except; ruff looks."""

    code = "RUN03"
    tier = Tier.P1
    title = "no blind except"
