"""Findings as workflow commands of GitHub Actions: the worst ten, since it shows no more of a kind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from checks.model import Tier

if TYPE_CHECKING:
    from checks.engine import Report

SHOWN = 10


def lines(report: Report) -> Iterator[str]:
    """Yield one command per finding, the heaviest first, then what else there is."""
    for code, why, hint in report.incomplete:
        yield f"::error title={code}::{escaped(f'could not look: {why}' + (f'; next: {hint}' if hint else ''))}"
    worst = sorted(report.findings, key=lambda one: (one.tier, one.path, one.line))
    for one in worst[:SHOWN]:
        kind = "warning" if one.tier is Tier.P2 else "error"
        place = f"file={property_of(one.path)}" + (f",line={one.line}" if one.line else "")
        yield f"::{kind} {place},title={one.code} {one.tier}::{escaped(one.message)}"
    if len(worst) > SHOWN:
        yield f"::notice::{len(worst) - SHOWN} more findings; run autional check"


def escaped(text: str) -> str:
    """Return text as the data of a workflow command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def property_of(text: str) -> str:
    """Return text as a property of a workflow command."""
    return escaped(text).replace(":", "%3A").replace(",", "%2C")
