"""Enum labels in code and database agree.

Harm: a label that the database does not know fails at the first insert; one that the code does not know at a read.
Rule: each enum type has the labels of the model, in their order [alembic-postgresql-enum].
Fix: `autional drift` shows both sides and what mends it; `autional migrate new -s SERVICE -m …` writes the revision.
Escape: none; P0.
"""

from __future__ import annotations

from checks.drift import DriftRule
from checks.model import Tier


class Dat02(DriftRule):
    """Enum labels in code and database agree."""

    code = "DAT02"
    tier = Tier.P0
    title = "enum labels in code and database agree"
    aliases = ("check-db-schema",)
    kinds = ("enum_",)
