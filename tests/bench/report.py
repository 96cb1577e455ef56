"""What a measurement returns, and how it is printed and kept."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One figure, its unit, and what it was hoped to be."""

    name: str
    value: float
    unit: str
    goal: str = ""
    met: bool | None = None


@dataclass(kw_only=True)
class Result:
    """One measurement with all its figures."""

    name: str
    figures: list[Figure] = field(default_factory=list)

    def add(
        self, name: str, value: float, unit: str, *, at_most: float | None = None, at_least: float | None = None
    ) -> None:
        """Add a figure; with a goal, whether it is met."""
        goal, met = "", None
        if at_most is not None:
            goal, met = f"≤ {at_most:g}", value <= at_most
        if at_least is not None:
            goal, met = f"≥ {at_least:g}", value >= at_least
        self.figures.append(Figure(name=name, value=round(value, 4), unit=unit, goal=goal, met=met))

    def print(self) -> None:
        """Print the figures."""
        print(f"\n{self.name}")
        for figure in self.figures:
            verdict = {True: "met", False: "MISSED", None: ""}[figure.met]
            print(f"  {figure.name:<62}{figure.value:>10.3f} {figure.unit:<6} {figure.goal:<10} {verdict}")


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value below which `share` of `values` lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def median(values: Sequence[float]) -> float:
    """Return the median."""
    return statistics.median(values)


def save(results: Sequence[Result]) -> Path:
    """Write all results as JSON and return the file."""
    RESULTS.mkdir(exist_ok=True)
    machine = {"cpus": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()}
    document = {
        "schema": 1,
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": machine,
        "results": [asdict(result) for result in results],
    }
    path = RESULTS / "latest.json"
    path.write_text(json.dumps(document, indent=2) + "\n")
    return path
