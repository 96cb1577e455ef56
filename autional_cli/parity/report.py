"""The comparison for a person and as JSON, version 1 (scripts depend on it; only add)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from autional_cli import render
from autional_cli.parity.observation import StepSeen
from autional_cli.parity.observe import as_json

if TYPE_CHECKING:
    from autional_cli.parity.observation import Difference, Observation


def to_json(left: Observation, right: Observation, differences: list[Difference]) -> dict[str, Any]:
    """Return everything as plain data."""
    return {
        "schema": 1,
        "same": not differences,
        "sides": [
            {"label": side.label, "driver": side.driver, "stack": side.stack, "elapsed_s": round(side.elapsed_s, 1)}
            for side in (left, right)
        ],
        "steps": [
            {"name": name, "left": as_json(one), "right": as_json(other), "same": not told(differences, name)}
            for name, one, other in pairs(left, right)
        ],
        "differences": [difference.to_json() for difference in differences],
    }


def show(left: Observation, right: Observation, differences: list[Difference]) -> None:
    """Print both sides in one table, then each difference with both sides."""
    columns = (
        "STEP",
        left.label,
        "ANSWERS",
        "SQL",
        "SPANS",
        "EVENTS",
        right.label,
        "ANSWERS",
        "SQL",
        "SPANS",
        "EVENTS",
    )
    rows = [
        (name, *cells(one), *cells(other), "differs" if told(differences, name) else "same")
        for name, one, other in pairs(left, right)
    ]
    render.table((*columns, ""), rows)
    for difference in differences:
        render.out()
        render.out(f"{difference.step}: {difference.kind}")
        render.out(f"  {left.label:<12} {difference.left}")
        render.out(f"  {right.label:<12} {difference.right}")


def cells(seen: StepSeen) -> tuple[str, ...]:
    """Return the columns of one side."""
    if not seen.walks:
        return (seen.outcome, "", "", "", "")
    known = as_json(seen)
    statuses = " ".join(str(answer.status) for answer in seen.walks[-1].answers)
    counts = (statuses or "-", str(known["queries"]), str(known["spans"]), str(len(known["events"])))
    return (f"{seen.outcome} {seen.ms:.0f} ms", *counts)


def pairs(left: Observation, right: Observation) -> list[tuple[str, StepSeen, StepSeen]]:
    """Return each step with both sides."""
    names = dict.fromkeys((*left.steps, *right.steps))
    return [(name, left.steps.get(name) or StepSeen(name), right.steps.get(name) or StepSeen(name)) for name in names]


def told(differences: list[Difference], name: str) -> bool:
    """Whether a step differs."""
    return any(difference.step == name for difference in differences)
