"""A drain as it goes: on a terminal a table with each process's steps, elsewhere a line for each step."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from autional_cli.supervisor.progress import Lines, Progress, Screen

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def drain_progress(title: str) -> Progress:
    """Return the display that suits where stderr goes."""
    plain = not sys.stderr.isatty() or os.environ.get("CI") or os.environ.get("TERM") == "dumb"
    return StepLines() if plain else Timeline(title)


class StepLines(Lines):
    """One line per change of state and per step."""

    def __init__(self) -> None:
        super().__init__()
        self._told: dict[tuple[str, int], int] = {}

    def show(self, event: dict[str, Any]) -> None:
        """Print the steps that are new, then the change."""
        unit = event["unit"]
        said = unit.get("drain") or {}
        steps = said.get("steps", ())
        # A process that is rolled has no state of its own on the board: its steps begin anew with the next one.
        key = (unit["name"], said.get("pid", 0))
        known = len(steps) if event["from"] is None else self._told.get(key, 0)  # an earlier drain is no news
        for step in steps[known:]:
            if step["ok"] and step["name"].startswith("cleanup:"):
                continue  # many and quick: the report has them all
            verdict = "" if step["ok"] else f"  FAILED: {step['detail']}"
            hand = f"  {len(said['in_hand'])} in hand" if said.get("in_hand") else ""
            self.line("step", unit["name"], f"{step['name']} {step['ms']:.0f} ms{hand}{verdict}")
        self._told[key] = max(known, len(steps))
        super().show(event)


class Timeline(Screen):
    """The table of units, with the steps of those that drain."""

    def show(self, event: dict[str, Any]) -> None:
        """Take one event into the table; units that do not drain are left out."""
        unit = event["unit"]
        said = unit.get("drain")
        if said:
            super().show({**event, "unit": {**unit, "reason": "", "status": steps_line(said)}})
        elif unit["state"] in ("draining", "starting") or unit["name"] in self.known:
            super().show(event)


def steps_line(said: Mapping[str, Any]) -> str:
    """Return `readiness 1 ms · lame-duck 52 ms · 3 in hand`."""
    parts = [f"{step['name']} {step['ms']:.0f} ms{'' if step['ok'] else ' ✗'}" for step in said["steps"]]
    hand = len(said.get("in_hand", ()))
    return " · ".join([*brief(parts), *([f"{hand} in hand"] if hand else [])])


def brief(parts: list[str]) -> Iterable[str]:
    """Leave cleanups out: there are many, and a failing one is reported at the end."""
    return [part for part in parts if not part.startswith("cleanup:")]
