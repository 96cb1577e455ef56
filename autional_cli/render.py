"""The only module that prints.

Data goes to stdout, progress and messages to stderr, so a pipe sees data alone. Rich is imported by the commands that
draw with it; the fast ones (`trace`, `logs`) never pay for it.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from rich.console import Console

    from autional_cli.errors import AutionalError


def out(text: str = "") -> None:
    """Print a line of data to stdout."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def note(text: str = "") -> None:
    """Print a message for the person to stderr."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def data(value: Any) -> None:
    """Print `value` as one indented JSON document."""
    out(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def line(value: Any) -> None:
    """Print `value` as one line of NDJSON."""
    out(json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str))


def is_terminal() -> bool:
    """Whether stdout is a person's terminal (a pipe or CI is not)."""
    return sys.stdout.isatty() and not os.environ.get("CI")


def colour() -> bool:
    """Whether to colour stdout (https://no-color.org)."""
    return is_terminal() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def console() -> Console:
    """Return a Rich console on stderr for progress."""
    from rich.console import Console

    return Console(stderr=True, no_color=bool(os.environ.get("NO_COLOR")) or None, highlight=False)


@contextlib.contextmanager
def status(title: str) -> Iterator[Callable[[str], None]]:
    """Show what is being done on one line of a terminal, and nothing elsewhere; yields what to call with each step."""
    if not sys.stderr.isatty() or os.environ.get("CI") or os.environ.get("TERM") == "dumb":
        yield lambda _: None
        return
    with console().status(title) as shown:
        yield lambda step: shown.update(f"{title}: {step}")


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows under headings, aligned, without decoration, so that `awk` can read it as well as a person."""
    cells = [tuple(columns), *(tuple(row) for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(columns))]
    for row in cells:
        out("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def error(failure: AutionalError, *, as_json: bool = False) -> None:
    """Print what happened and the next command to run."""
    if as_json:
        note(json.dumps({"error": failure.message, "hint": failure.hint, "exit_code": int(failure.exit_code)}))
        return
    red, reset = ("\x1b[31m", "\x1b[0m") if sys.stderr.isatty() and not os.environ.get("NO_COLOR") else ("", "")
    note(f"{red}error:{reset} {failure.message}")
    if failure.hint:
        note(f"  next: {failure.hint}")
