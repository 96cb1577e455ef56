"""`autional logs`: what all services say, as one stream in order of time."""

from __future__ import annotations

import os
import re
import sys
import time
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from autional_cli import render
from autional_cli.errors import AutionalError, ExitCode
from autional_cli.plain_command import PlainCommand
from autional_cli.telemetry import logs as reading
from autional_cli.telemetry.locate import find_home
from autional_cli.telemetry.log_format import format_entry
from autional_cli.telemetry.log_lines import format_timestamp
from autional_cli.telemetry.moments import parse_since
from autional_cli.telemetry.palette import Palette

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from autional_cli.telemetry.log_lines import Entry

HELP = """Show the logs of all services, or of the named ones, merged in order of time.

Examples: `autional logs`, `autional logs identity session -f`, `autional logs --level error --since 15m`,
`autional logs --trace 4bf92f35`, `autional logs mailbox`, `autional logs postgres`.
"""
DEFAULT_LINES = 50


class Format(StrEnum):
    """How entries are written."""

    TABLE = "table"
    JSON = "json"


app = typer.Typer(rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False)


@app.command(help=HELP, cls=PlainCommand)
def logs(
    services: Annotated[list[str] | None, typer.Argument(metavar="[SERVICE]...", show_default=False)] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what is written from now.")] = False,
    lines: Annotated[
        int | None,
        typer.Option(
            "--lines",
            "-n",
            min=0,
            help=f"The newest N entries. Default: {DEFAULT_LINES}, or all that a filter leaves.",
        ),
    ] = None,
    since: Annotated[str | None, typer.Option(help="Only entries after this: 15m, 2h, or a time.")] = None,
    level: Annotated[
        str | None, typer.Option(help="Only this level and above: debug, info, warning, error, critical.")
    ] = None,
    grep: Annotated[
        str | None, typer.Option(metavar="REGEX", help="Only entries whose message or a field matches.")
    ] = None,
    trace: Annotated[
        str | None, typer.Option(metavar="ID", help="Only entries of this trace (id or its beginning).")
    ] = None,
    instance: Annotated[str | None, typer.Option(help="The instance of the platform.")] = None,
    format_: Annotated[Format, typer.Option("--format", help="Lines for a person, or NDJSON.")] = Format.TABLE,
) -> None:
    directory = find_home(instance) / "logs"
    if not directory.is_dir():
        hint = f"start the platform: autional up --instance {directory.parent.name}"
        raise AutionalError(f"no logs yet in {directory}", hint=hint, exit_code=ExitCode.BACKEND_UNAVAILABLE)
    selection = reading.compile_selection(since=read_since(since), level=level, grep=grep, trace=trace)
    count = lines if lines is not None else None if since or trace else DEFAULT_LINES
    units = services or []

    def begin(ends: dict[Path, int]) -> Iterator[Entry]:
        return iter(reading.scan(ends, selection) if count is None else reading.tail(ends, count, selection))

    if follow:
        from autional_cli.telemetry.log_follow import follow as follow_files

        entries: Iterable[Entry] = follow_files(directory, units, begin, selection)
    else:
        entries = begin(reading.measure(reading.list_files(directory, units)))
    try:
        show(entries, directory, format_, stream=follow)
    except BrokenPipeError:  # `autional logs | head`: Typer would make an error exit of it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def read_since(text: str | None) -> str | None:
    """Turn --since into a timestamp of the logs; raises AutionalError (usage)."""
    return format_timestamp(parse_since(text, time.time_ns()) / 1e9) if text is not None else None


def show(entries: Iterable[Entry], directory: Path, format_: Format, *, stream: bool) -> None:
    """Print entries as they come; an empty result is `[]`."""
    palette = Palette(render.colour())
    stems = [re.sub(r"-\d+$", "", path.stem) for path in directory.glob("*.jsonl")]
    width = min(16, max((len(stem) for stem in stems), default=8))
    empty = True
    for entry in entries:
        empty = False
        if format_ is Format.JSON:
            render.line({"unit": entry.unit, **entry.fields})
        else:
            render.block(format_entry(entry, palette, width))
    if empty and not stream:
        render.out("[]")


if __name__ == "__main__":
    sys.exit(app())
