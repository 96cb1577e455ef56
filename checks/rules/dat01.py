"""Models and live database agree.

Harm: the code asks for a column that is not there, in the middle of the night after a deploy.
Rule: tables, columns, types, nullability, keys, sequences, views and triggers of every service's live database are
those of its models, nothing else is there, and owners, rights and settings are as provisioning leaves them [both sides
are read from the catalogue].
Fix: `autional drift` shows both sides and what mends it; `autional migrate new -s SERVICE -m …` writes the revision.
Escape: none; P0.
"""

from __future__ import annotations

from checks.drift import DriftRule
from checks.model import Tier


class Dat01(DriftRule):
    """Models and live database agree."""

    code = "DAT01"
    tier = Tier.P0
    title = "models and live database agree"
    aliases = ("check-db-schema",)
    others = ("enum_", "check_", "index_", "column_default", "revision_")  # DAT02, DAT03 and DAT12 speak of them
