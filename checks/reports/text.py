"""Findings for a person: grouped by file, the worst first, the fix below."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from checks.engine import Report


def lines(report: Report) -> Iterator[str]:
    """Yield the report, a line each."""
    for path, group in groupby(report.findings, key=lambda one: one.path):
        yield path
        for one in group:
            yield f"  {one.line or '-':>5}  {one.tier}  {one.code}  {one.message}"
            if one.fix:
                yield f"                   {'--fix: ' if one.fix.safe else 'suggestion: '}{one.fix.description}"
    reasons: dict[tuple[str, str], list[str]] = {}
    for code, why, hint in report.incomplete:
        reasons.setdefault((why, hint), []).append(code)
    for (why, hint), codes in reasons.items():
        yield f"{', '.join(codes)} could not look: {why}"
        if hint:
            yield f"  next: {hint}"


def summary(report: Report) -> str:
    """Return the last line: what was looked at, what was found, how long it took."""
    tiers = Counter(one.tier for one in report.findings)
    found = ", ".join(f"{tiers[tier]} {tier}" for tier in sorted(tiers)) or "no findings"
    budget = report.project.config.p2_budget
    extra = f" (P2 budget {budget})" if tiers.get("P2") else ""  # type: ignore[call-overload]
    hidden = [f"{len(report.suppressed)} suppressed"] if report.suppressed else []
    hidden += [f"{len(report.baselined)} baselined"] if report.baselined else []
    hidden += [f"{len(report.incomplete)} rules could not look"] if report.incomplete else []
    looked = f"{len(report.rules)} rules, {report.files} files, {sum(report.subjects.values()):,} subjects"
    return f"{found}{extra}{''.join(f', {each}' for each in hidden)}: {looked} in {report.elapsed_ms / 1000:.2f} s"
