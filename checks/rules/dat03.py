"""CHECK bodies, indexes and server defaults agree.

Harm: a constraint whose body was changed in one place lets in what the other forbids; a lost index is a slow page.
Rule: bodies of CHECK constraints, columns, order, uniqueness and predicate of indexes, and server defaults are those of
the models, as PostgreSQL itself prints both.
Fix: `autional drift` shows both sides and what mends it; `autional migrate new -s SERVICE -m …` writes the revision.
Escape: none.
"""

from __future__ import annotations

from checks.drift import DriftRule
from checks.model import Tier


class Dat03(DriftRule):
    """CHECK bodies, indexes and server defaults agree."""

    code = "DAT03"
    tier = Tier.P1
    title = "CHECK bodies, indexes and server defaults agree"
    aliases = ("check-db-schema",)
    kinds = ("check_", "index_", "column_default")
