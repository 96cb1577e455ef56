"""A suppression has a rule, a reason and a last day, and that day has not passed.

Harm: what was to be mended "soon" stays for years, and nobody knows why it was let through.
Rule: `autional: ignore[CODE] reason="…" until=YYYY-MM-DD`; on the day after, the finding and this one are back.
Fix: mend what is suppressed; if it must stay, say why anew and give a new day.
Escape: none; P0.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator

from checks.model import Finding, Tier
from checks.rule import Rule
from checks.suppressions import Suppression


class Deb02(Rule):
    """Suppressions are complete and not expired. The engine calls `judge_file` once it knows which were used."""

    code = "DEB02"
    tier = Tier.P0
    title = "no expired or incomplete suppression"
    optional = True

    @classmethod
    def judge_file(cls, path: str, ones: Iterable[Suppression], today: datetime.date) -> Iterator[Finding]:
        """Yield what is wrong with the suppressions of one file."""
        for one in ones:
            if one.problem:
                yield cls.finding(path, one.line, f"this suppression {one.problem}")
            elif one.expired(today):
                codes = ", ".join(one.codes)
                yield cls.finding(path, one.line, f"the suppression of {codes} ended on {one.until}: {one.reason}")
