"""A suppression has a rule that is not P0, a reason and a last day that is near and has not passed.

Harm: what was to be mended "soon" stays for years, and nobody knows why it was let through.
Rule: `autional: ignore[CODE] reason="…" until=YYYY-MM-DD`, within 180 days; on the day after, the finding and this one
are back. A P0 rule has no suppression: one that names it lets nothing through.
Fix: mend what is suppressed; if it must stay, say why anew and give a new day.
Escape: none; P0.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator

from checks import registry
from checks.model import Finding, Tier
from checks.rule import Rule
from checks.suppressions import LONGEST_DAYS, Suppression


class Deb02(Rule):
    """Suppressions are complete and not expired. The engine calls `judge_file` once it knows which were used."""

    code = "DEB02"
    tier = Tier.P0
    title = "no expired, incomplete or far-reaching suppression, none of P0"
    aliases = ("check-debt",)
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
            elif one.too_long(today):
                last = today + datetime.timedelta(days=LONGEST_DAYS)
                yield cls.finding(path, one.line, f"until={one.until} is too far ahead: {last} at the latest")
            for code in (code for code in one.codes if is_p0(code)):
                message = f"{code} is P0, which no suppression lets through: mend what it finds"
                yield cls.finding(path, one.line, message, symbol=code)


def is_p0(code: str) -> bool:
    """Whether a rule blocks whatever is said."""
    rule = registry.rules().get(code)
    return rule is not None and rule.tier is Tier.P0
