"""What the platform owes: findings, what the baseline and suppressions let through, and TODOs, with owner and age."""

from __future__ import annotations

import datetime
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from autional_cli import render

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.engine import Report


@dataclass(frozen=True, slots=True)
class Item:
    """One thing owed. `since` is a day, empty when nobody wrote it down; `age_days` counts from it."""

    tier: str
    kind: str
    code: str
    path: str
    line: int
    owner: str
    since: str
    age_days: int | None
    text: str


def show(report: Report, *, as_json: bool) -> None:
    """Print every item, and whether there are more of them than on the base branch."""
    found = sorted(items(report), key=lambda one: (one.tier, -(one.age_days or 0), one.path, one.line))
    tiers = Counter(one.tier for one in found)
    now = markers(report)
    before = markers_at_base(report)
    trend = {"markers": now, "markers_at_base": before}
    if as_json:
        render.data({"schema": 1, "items": [asdict(one) for one in found], "tiers": dict(tiers), "trend": trend})
        return
    rows = [
        (one.tier, one.kind, one.code, f"{one.path}:{one.line}", one.owner or "-", one.since or "-", age(one), one.text)
        for one in found
    ]
    render.table(("TIER", "KIND", "RULE", "PLACE", "OWNER", "SINCE", "AGE", "WHAT"), rows)
    counts = ", ".join(f"{tiers[tier]} {tier}" for tier in sorted(tiers)) or "nothing owed"
    if before is None:
        render.note(f"{counts}; {now} markers in files; nobody knows how many at the base: there is none here")
        return
    direction = "as many as" if now == before else ("more than" if now > before else "fewer than")
    render.note(f"{counts}; {now} markers in files, {direction} at the base ({before})")


def age(item: Item) -> str:
    """Return an age for a person."""
    return "-" if item.age_days is None else f"{item.age_days}d"


def items(report: Report) -> Iterator[Item]:
    """Yield everything owed."""
    today = datetime.datetime.now(datetime.UTC).date()
    for kind, findings in (("finding", report.findings), ("baseline", report.baselined)):
        for one in findings:
            yield Item(one.tier.value, kind, one.code, one.path, one.line, "", "", None, one.message)
    for path, record in report.project.files.items():
        for each in record.suppressions:
            codes = ", ".join(each["codes"])
            yield Item(
                "P2", "suppression", codes, path, each["line"], "", "", None, f"{each['reason']} until {each['until']}"
            )
    for path, todo in report.project.notes("DEB01"):
        since = todo["date"]
        days = (today - datetime.date.fromisoformat(since)).days if since else None
        yield Item(todo["tier"] or "P2", "todo", "DEB01", path, todo["line"], todo["owner"], since, days, todo["text"])


def markers(report: Report) -> int:
    """Return how many suppressions and TODOs the files hold."""
    project = report.project
    return sum(len(record.suppressions) for record in project.files.values()) + sum(1 for _ in project.notes("DEB01"))


def markers_at_base(report: Report) -> int | None:
    """Return how many of both they held at the base; None where there is no base to look at."""
    from checks.markers import markers as found_in
    from checks.model import IncompleteError
    from checks.sources import Source
    from checks.suppressions import parse

    project, count = report.project, 0
    try:
        for path in project.base.paths & project.files.keys():
            data = project.source(path).data if path not in project.base.changed else project.base.read(path) or b""
            source = Source(path, data)
            count += len(parse(source)) + (0 if source.suffix == ".json" else len(found_in(source)))
    except IncompleteError:
        return None
    return count
