"""A check that examined nothing protects nothing.

Harm: a library changes its shape, a folder moves, and a rule passes for months because it sees no subject at all.
Rule: each rule counts what it looked at; one that should have seen something here and saw nothing fails.
Fix: mend the rule's view of the project, or the project's shape that it no longer recognises.
Escape: none; P0.
"""

from __future__ import annotations

from checks.model import Tier
from checks.rule import Rule


class Chk00(Rule):
    """No rule is blind. The engine itself counts, after all rules have looked."""

    code = "CHK00"
    tier = Tier.P0
    title = "no check examined nothing"
    optional = True
