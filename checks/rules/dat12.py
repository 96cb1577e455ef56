"""The live revision is the head.

Harm: code of today on tables of last week.
Rule: the revision in each live database is the one head of the service's migrations.
Fix: `autional migrate up`.
Escape: none; P0.
"""

from __future__ import annotations

from checks.drift import DriftRule
from checks.model import Tier


class Dat12(DriftRule):
    """The live revision is the head."""

    code = "DAT12"
    tier = Tier.P0
    title = "the live revision is the head"
    kinds = ("revision_",)
