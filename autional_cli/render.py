"""The only module that prints. Whatever it is given, only what can be seen reaches the terminal (terminal.py).

Data goes to stdout, progress and messages to stderr, so a pipe sees data alone. Rich is imported by the commands that
draw with it; the fast ones (`trace`, `logs`) never pay for it.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TextIO

from autional_cli import terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from rich.console import Console

    from autional_cli.errors import AutionalError


def out(text: str = "") -> None:
    """Print one line of data to stdout; an end of line in `text` came from outside and is written out."""
    write(sys.stdout, terminal.reveal(text))


def block(text: str) -> None:
    """Print lines of data to stdout. What stands in them from outside must be on one line already (`one_line`)."""
    write(sys.stdout, terminal.reveal(text, lines=True))


def note(text: str = "") -> None:
    """Print a message for the person to stderr. Further lines are indented, so that none of them passes for ours."""
    write(sys.stderr, terminal.reveal(text, lines=True).replace("\n", "\n    "))


def write(stream: TextIO, text: str) -> None:
    """Print text that is safe by now."""
    stream.write(text + "\n")
    stream.flush()


def data(value: Any) -> None:
    """Print `value` as one indented JSON document."""
    write(sys.stdout, to_json(value, indent=2))


def line(value: Any) -> None:
    """Print `value` as one line of NDJSON."""
    write(sys.stdout, to_json(value, separators=(",", ":")))


def to_json(value: Any, **layout: Any) -> str:
    """Write `value` as JSON (RFC 8259) without an invisible character; a number that JSON lacks becomes text."""
    try:
        document = json.dumps(value, ensure_ascii=False, allow_nan=False, default=str, **layout)
    except ValueError:
        document = json.dumps(finite(value), ensure_ascii=False, default=str, **layout)
    return terminal.escape_json(document)


def finite(value: Any) -> Any:
    """Return `value` with infinities and NaN as text."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    return [finite(item) for item in value] if isinstance(value, list | tuple) else value


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
    with console().status(markup(title)) as shown:
        yield lambda step: shown.update(markup(f"{title}: {step}"))


def markup(text: str) -> str:
    """Return text for Rich on one line, with nothing in it that Rich or the terminal takes for more than text."""
    return terminal.escape(text).replace("[", r"\[")


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows under headings, aligned, without decoration, so that `awk` can read it as well as a person."""
    cells = [tuple(columns), *(tuple(terminal.escape(cell) for cell in row) for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(columns))]
    for row in cells:
        out("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def error(failure: AutionalError, *, as_json: bool = False) -> None:
    """Print what happened and the next command to run."""
    if as_json:
        document = {"error": failure.message, "hint": failure.hint, "exit_code": int(failure.exit_code)}
        write(sys.stderr, to_json(document))
        return
    is_coloured = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    note(f"{terminal.paint('error:', '31') if is_coloured else 'error:'} {failure.message}")
    if failure.hint:
        note(f"  next: {failure.hint}")
