"""What is left to do says how much it weighs, whose it is and since when.

Harm: a wish of nobody, from never, is read for years and done by no one.
Rule: `TODO`, `FIXME`, `XXX` or `HACK`, in capitals or not, in a comment, a docstring or a document, has the form
`TODO(P1, ada, 2026-11-22): what`; `check --debt` lists it.
Fix: write tier, owner and date; better, do it.
Escape: none needed; a P0 among them blocks.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator

from checks.facts import FileView
from checks.markers import markers
from checks.model import Finding, Tier
from checks.project import Project
from checks.rule import Rule
from checks.sources import SUFFIXES, Source

FORM = re.compile(r"(?i:\b(?:TODO|FIXME|XXX|HACK))\((P[012]), *([\w.@-]+), *(\d{4}-\d\d-\d\d)\): *(\S.*)")


class Deb01(Rule):
    """TODOs have tier, owner and date. What it notes is the list of debts."""

    code = "DEB01"
    tier = Tier.P2
    title = "a TODO has tier, owner and date"
    aliases = ("check-debt",)
    optional = True
    suffixes = (*sorted(SUFFIXES - {".json"}), "")

    def examine(self, source: Source, view: FileView) -> None:
        view.examined()
        for line, text in markers(source):
            self.marker(line, text, view)

    def marker(self, line: int, text: str, view: FileView) -> None:
        """Note one marker, and report one that says too little."""
        found = FORM.search(text)
        tier, owner, date, what = found.groups() if found else ("", "", "", text.lstrip("#-/*<! "))
        if date and not is_day(date):
            date, found = "", None
        if not found:
            view.report(line, f"not of the form TODO(P1, owner, 2026-11-22): what: {text.strip()}")
        view.note({"line": line, "tier": tier, "owner": owner, "date": date, "text": what})

    def judge(self, project: Project) -> Iterator[Finding]:
        for path, todo in project.notes(self.code):
            if todo["tier"] == Tier.P0:
                message = f"P0 debt of {todo['owner']} since {todo['date']}: {todo['text']}"
                yield self.finding(path, todo["line"], message).at_tier(Tier.P0)


def is_day(text: str) -> bool:
    """Whether a text is a day of the calendar."""
    try:
        datetime.date.fromisoformat(text)
    except ValueError:
        return False
    return True
