"""What the report of a failed test is given: the traces of its requests, their log lines, and the next command."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

from autional_cli import terminal
from autional_cli.errors import AutionalError
from autional_cli.pytest_plugin.fixtures import TRACES

if TYPE_CHECKING:
    from autional_cli.pytest_plugin.callers import Caller
    from autional_cli.pytest_plugin.traces import Traces

SHOWN = 3  # traces of the last requests; all requests are listed
WAIT_S = 3.0  # for each of these to become complete
LOGS_SHOWN = 60


def illustrate(report: Any, item: pytest.Item, call: pytest.CallInfo[Any]) -> None:
    """Add sections to the report of a failure."""
    failure = call.excinfo.value if call.excinfo is not None else None
    if isinstance(failure, AutionalError) and failure.hint:
        add(report, "autional: next command", failure.hint)
    if report.when != "call" or item.stash.get(TRACES, None) is None:
        return
    traces = item.stash[TRACES]
    for view in traces.fetched:
        asked = "\n".join(f"{what}: {found}" for what, found in view.looked_at)
        if asked:
            add(report, f"autional: asked of trace {view.id}", asked)
    made = traces.made
    if made:
        add(report, "autional: requests of this test", "\n".join(map(str, made)))
    for caller in made[-SHOWN:]:
        show(report, traces, caller)


def show(report: Any, traces: Traces, caller: Caller) -> None:
    """Add the waterfall of one request and the log lines about it; why there is none, if there is none."""
    from autional_cli.pytest_plugin.traces import TraceView

    title = f"{caller.method} {caller.path}"
    try:
        analysis, _ = traces.find(caller.trace_id, WAIT_S)
    except (AutionalError, OSError, sqlite3.Error) as error:  # the platform may be what the test has broken
        add(report, f"autional: trace of {title}", f"cannot be shown: {error}")
        return
    view = TraceView(analysis)
    add(report, f"autional: trace of {title}", view.waterfall())
    if view.logs:
        add(report, f"autional: logs of {title}", log_lines(view))


def log_lines(view: Any) -> str:
    """Return the last log lines of a trace as `autional logs` prints them."""
    from autional_cli.telemetry.log_format import format_entry
    from autional_cli.telemetry.palette import Palette

    shown = view.logs[-LOGS_SHOWN:]
    width = max(len(entry.unit) for entry in shown)
    return "\n".join(format_entry(entry, Palette(False), width) for entry in shown)


def add(report: Any, title: str, text: str) -> None:
    """Put a section where pytest, pytest-xdist and JUnit files all keep it: with the description of the failure."""
    title, text = terminal.escape(title), terminal.escape_lines(text)
    if hasattr(report.longrepr, "addsection"):
        report.longrepr.addsection(title, text, "-")
    else:
        report.sections.append((title, text))
