"""The baseline grows only with a reason.

Harm: a baseline that anything may enter is a switch that turns the checks off.
Rule: an entry of `checks/baseline.txt` that the base branch does not have ends with a reason; no entry is of a P0 rule.
Fix: mend the finding, or `autional check --baseline --reason "…"`.
Escape: none; P0.
"""

from __future__ import annotations

from collections.abc import Iterator

from checks.baseline import PLACE, Baseline, Entry
from checks.model import Finding, Tier
from checks.project import Project
from checks.rule import Rule


class Deb05(Rule):
    """The baseline shrinks by itself and grows with reasons."""

    code = "DEB05"
    tier = Tier.P0
    title = "the baseline grows only with a reason"
    aliases = ("check-debt",)
    optional = True

    def judge(self, project: Project) -> Iterator[Finding]:
        from checks import registry

        if not (project.root / PLACE).is_file():  # whether Git lists it or not: the engine obeys it
            return
        before = {(e.code, e.path, e.fingerprint) for e in self.at_base(project).entries}
        for number, line in enumerate(project.source(PLACE).lines, 1):
            if not line.strip() or line.startswith("#"):
                continue
            project.examined(self.code)
            entry = Entry.parse(line)
            rule = registry.rules().get(entry.code)
            if rule is None or rule.tier is Tier.P0:
                yield self.finding(PLACE, number, f"{entry.code} cannot be accepted: P0, or no rule at all")
            elif (entry.code, entry.path, entry.fingerprint) not in before and not entry.reason:
                yield self.finding(PLACE, number, f"{entry.code} of {entry.path} was added without a reason")

    @staticmethod
    def at_base(project: Project) -> Baseline:
        """Return the baseline of the base branch."""
        return Baseline.parse((project.base.read(PLACE) or b"").decode("utf-8", "replace"))
