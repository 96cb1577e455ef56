"""`autional trace`: one request through all services.

Imports little on purpose: the whole process has 120 ms.
"""

from __future__ import annotations

import shutil
import sys
import time
from contextlib import closing
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from autional_cli import render
from autional_cli.errors import AutionalError
from autional_cli.plain_command import PlainCommand
from autional_cli.telemetry import selection
from autional_cli.telemetry.locate import find_home, open_traces

if TYPE_CHECKING:
    from autional_cli.telemetry.analyse import Analysis
    from autional_cli.telemetry.model import Backend, Query, Summary

HELP = """Show one request through all services: waterfall, critical path, root cause, log lines.

Examples: `autional trace last`, `autional trace 4bf92f35`, `autional trace last --service session --await`,
`autional trace --slowest 10 --since 1h`, `autional trace --errors`, `autional trace last --format json`.
"""


class Format(StrEnum):
    """How the result is written."""

    TABLE = "table"
    JSON = "json"


app = typer.Typer(rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False)


@app.command(help=HELP, cls=PlainCommand)
def trace(
    trace_id: Annotated[str | None, typer.Argument(metavar="[ID|PREFIX|last]", show_default=False)] = None,
    slowest: Annotated[int | None, typer.Option(min=1, help="List the N slowest traces.")] = None,
    errors: Annotated[bool, typer.Option("--errors", help="List traces with errors, newest first.")] = False,
    service: Annotated[str | None, typer.Option(help="Only traces that this service is part of.")] = None,
    since: Annotated[
        str, typer.Option(help="How far to look back: 15m, 2h, or a time. Default: all for `last`, else 1h.")
    ] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many traces in a list of errors.")] = 20,
    await_: Annotated[bool, typer.Option("--await", help="Wait until the trace is complete.")] = False,
    timeout: Annotated[float, typer.Option(min=0, help="Seconds that --await waits.")] = 10.0,
    jaeger: Annotated[str | None, typer.Option(metavar="URL", help="Ask this Jaeger instead.")] = None,
    instance: Annotated[str | None, typer.Option(help="The instance of the platform.")] = None,
    format_: Annotated[Format, typer.Option("--format", help="A drawing, or JSON for scripts.")] = Format.TABLE,
) -> None:
    if sum((trace_id is not None, slowest is not None, errors)) != 1:
        raise AutionalError("say which trace: an id, its beginning, or `last`; or --slowest N; or --errors")
    now_ns = time.time_ns()
    with closing(open_backend(jaeger, instance, now_ns)) as backend:
        if service is not None:
            must_be_known(service, backend)
        if trace_id is None:
            query = selection.make_query(
                since or "1h", now_ns, service, limit=slowest or limit, slowest=slowest is not None, errors=errors
            )
            show_list(backend.search(query), query, backend.name, format_)
            return
        request = selection.Request(trace_id, service, since, timeout if await_ else None)
        analysis, complaint = selection.find(request, backend, find_home(instance) / "logs" if not jaeger else None)
        show(analysis, format_)
    if complaint is not None:
        raise complaint


def must_be_known(service: str, backend: Backend) -> None:
    """Raise AutionalError (exit 2) for a service that neither sent a span nor is in the workspace."""
    seen = backend.services()
    if service in seen:
        return
    from autional_cli.workspace.discover import discover
    from autional_cli.workspace.locate import find_root
    from autional_cli.workspace.source import suggest

    try:
        known = sorted({*seen, *discover(find_root())})
    except AutionalError:  # a trace can be looked at from anywhere
        known = seen
    if service not in known:
        raise AutionalError(
            f"no trace names a service {service!r}{suggest(service, known)}", hint=f"there are: {', '.join(known)}"
        )


def open_backend(jaeger: str | None, instance: str | None, now_ns: int) -> Backend:
    """Open the platform's own store, or a Jaeger when its URL is given or the platform sends its traces to one."""
    if jaeger is None:
        return open_traces(find_home(instance), now_ns)
    from autional_cli.telemetry.jaeger import JaegerClient

    return JaegerClient(jaeger, now_ns=now_ns)


def show(analysis: Analysis, format_: Format) -> None:
    """Print one trace."""
    if format_ is Format.JSON:
        from autional_cli.telemetry.report import report

        render.data(report(analysis))
        return
    from autional_cli.telemetry.palette import Palette
    from autional_cli.telemetry.waterfall import draw

    width = shutil.get_terminal_size((120, 40)).columns
    unicode = "utf" in (sys.stdout.encoding or "").lower()
    render.block(draw(analysis, width=width, palette=Palette(render.colour()), unicode=unicode))


def show_list(summaries: list[Summary], query: Query, backend: str, format_: Format) -> None:
    """Print a list of traces and the window that was searched."""
    from autional_cli.telemetry.moments import format_duration, format_instant
    from autional_cli.telemetry.report import report_summary

    window = f"{format_instant(query.start_min_ns)[:19]}Z to {format_instant(query.start_max_ns)[:19]}Z"
    render.note(f"{len(summaries)} {'trace' if len(summaries) == 1 else 'traces'} that began from {window}")
    if format_ is Format.JSON or not summaries:
        render.data([report_summary(summary, query, backend) for summary in summaries])
        return
    columns = ("TRACE", "STARTED", "DURATION", "SPANS", "ERRORS", "SERVICE", "ROOT")
    rows = [
        (
            summary.trace_id,
            format_instant(summary.start_ns)[:23] + "Z",
            format_duration(summary.duration_ns),
            str(summary.spans),
            str(summary.errors),
            summary.root_service or "?",
            summary.root_name or "(root missing)",
        )
        for summary in summaries
    ]
    render.table(columns, rows)


if __name__ == "__main__":
    app()
