"""The progress of a start or a stop on stderr: live on a terminal, one line per change elsewhere."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Any, Protocol

from autional_cli import render

if TYPE_CHECKING:
    from collections.abc import Collection

    from rich.live import Live
    from rich.table import Table

MARKS = {
    "ready": "✓",
    "unhealthy": "!",
    "failed": "✗",
    "starting": "…",
    "pending": "·",
    "draining": "…",
    "stopped": "○",
}
COLOURS = {"ready": "green", "unhealthy": "red", "failed": "red", "starting": "yellow", "draining": "yellow"}
WORRYING = ("failed", "starting", "unhealthy")
KINDS = {"resource": 0, "platform": 1, "task": 2, "service": 3}


class Progress(Protocol):
    """Shows the events of the control protocol while it is entered."""

    def __enter__(self) -> Progress: ...

    def __exit__(self, *_: object) -> None: ...

    def show(self, event: dict[str, Any]) -> None:
        """Show one event."""


def progress(title: str) -> Progress:
    """Return the progress display that suits where stderr goes."""
    plain = not sys.stderr.isatty() or os.environ.get("CI") or os.environ.get("TERM") == "dumb"
    return Lines() if plain else Screen(title)


class Lines:
    """One line per change of state, with the seconds since the beginning."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def show(self, event: dict[str, Any]) -> None:
        """Print a transition; what is only pending, or a detail, is not worth a line."""
        unit = event["unit"]
        if event["from"] in (None, unit["state"]) or unit["state"] == "pending":
            return
        detail = (unit["reason"] if unit["state"] in WORRYING else "") or unit["status"]
        self.line(unit["state"], unit["name"], detail)

    def line(self, what: str, name: str, detail: str) -> None:
        """Print one line."""
        elapsed = time.monotonic() - self._began
        render.note(f"{elapsed:6.2f}s  {what:<9} {name}" + (f"  {' '.join(detail.split())}" if detail else ""))


class Screen:
    """A table that is drawn again in place: every unit with its state, what it is doing, and how long it took."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._began = time.time()
        self._units: dict[str, dict[str, Any]] = {}
        self._since: dict[str, float] = {}
        self._live: Live | None = None

    def __enter__(self) -> Screen:
        from rich.live import Live

        self._live = Live(get_renderable=self._table, console=render.console(), refresh_per_second=12)
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    @property
    def known(self) -> Collection[str]:
        """The names of the units in the table."""
        return self._units

    def show(self, event: dict[str, Any]) -> None:
        """Take one event into the table."""
        unit = event["unit"]
        self._units[unit["name"]] = unit
        if unit["state"] == "starting" and event["from"] != "starting":
            self._since[unit["name"]] = unit["since"]

    def _table(self) -> Table:
        from rich.table import Table

        table = Table(box=None, padding=(0, 1), show_header=False, title_justify="left")
        table.title = f"{render.markup(self._title)}  {time.time() - self._began:.1f} s"
        for unit in sorted(self._units.values(), key=lambda u: (KINDS.get(u["kind"], 9), u["name"])):
            state, colour = unit["state"], COLOURS.get(unit["state"], "dim")
            table.add_row(
                f"[{colour}]{MARKS.get(state, ' ')}[/]",
                render.markup(unit["name"]),
                f"[{colour}]{state}[/]",
                self._elapsed(unit),
                f"[dim]{render.markup(unit['reason'] or unit['status'])}[/]",
            )
        return table

    def _elapsed(self, unit: dict[str, Any]) -> str:
        began = self._since.get(unit["name"])
        if began is None:
            return ""
        end = time.time() if unit["state"] in ("starting", "draining") else unit["since"]
        return f"{max(0.0, end - began):.2f} s"
