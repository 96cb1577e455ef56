"""Finding the trace that a user means, and waiting for it."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, NamedTuple

from autional_cli.errors import AutionalError, ExitCode
from autional_cli.telemetry.analyse import Analysis, analyse
from autional_cli.telemetry.completeness import QUIET_NS, called_from_outside
from autional_cli.telemetry.log_index import read_trace
from autional_cli.telemetry.model import Backend, Query, Trace
from autional_cli.telemetry.moments import format_duration, parse_since
from autional_cli.telemetry.reader import Reader
from autional_cli.telemetry.tree import build

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from autional_cli.telemetry.log_lines import Entry

CANDIDATES = 20  # traces that `last` looks at before it settles for an incomplete one
CANDIDATES_SHOWN = 5
SHORTEST_PREFIX = 4
LOOK_BACK = {"embedded": "3650d", "jaeger": "24h"}  # for `last`; Jaeger's storages search by time
LONG_AGO_NS = 5_000_000_000  # what ended before that has been exported, if by a sender that lives
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.02, 0.2
TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
UUID = re.compile(r"([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{12})")


class Request(NamedTuple):
    """What was asked for: an id, its beginning or `last`; `timeout_s` None means not to wait."""

    text: str
    service: str | None = None
    since: str = ""
    timeout_s: float | None = None


def make_query(
    since: str, now_ns: int, service: str | None, *, limit: int, slowest: bool = False, errors: bool = False
) -> Query:
    """Make a search from `since` until now; raises AutionalError (usage)."""
    return Query(parse_since(since, now_ns), now_ns, service, errors_only=errors, slowest_first=slowest, limit=limit)


def find(request: Request, backend: Backend, logs: Path | None) -> tuple[Analysis, AutionalError | None]:
    """Return the trace, analysed with its log lines; with `timeout_s`, once it is complete.

    A trace that is still incomplete at the deadline is returned together with the error to raise. Raises AutionalError
    when there is no such trace: at once, or at the deadline.
    """
    deadline = time.monotonic() + (request.timeout_s or 0.0)
    trace_id: str | None = None
    quiet = Quiet()
    for pause_s in pauses():
        trace_id = trace_id or resolve(request, backend)
        trace = backend.fetch(trace_id) if trace_id else None
        is_late = request.timeout_s is None or time.monotonic() >= deadline
        if trace is not None:
            analysis = analyse(trace, backend, now_ns=time.time_ns())
            if is_late or (analysis.complete and quiet.seen(trace)):
                analysis.logs = find_logs(trace, backend, logs)
                waited_in_vain = request.timeout_s is not None and not analysis.complete
                return analysis, incomplete(analysis, request) if waited_in_vain else None
        elif is_late:
            raise not_found(request, backend)
        time.sleep(min(pause_s, max(0.0, deadline - time.monotonic())))
    raise AssertionError("pauses never end")


class Quiet:
    """Whether a trace has stopped growing, for stores that do not say when its last spans came.

    It has if it ended long ago, or shows no more than before for a while. `QUIET_NS` outlasts the services' exports.
    """

    def __init__(self) -> None:
        self._spans, self._since_ns = -1, time.time_ns()

    def seen(self, trace: Trace) -> bool:
        """Look at the trace once more. Where the store does say, the judgement of completeness has asked it."""
        now_ns = time.time_ns()
        if len(trace.spans) != self._spans:
            self._spans, self._since_ns = len(trace.spans), now_ns
        ended_ns = max((span.end_ns for span in trace.spans), default=now_ns)
        still = now_ns - self._since_ns >= QUIET_NS or now_ns - ended_ns >= LONG_AGO_NS
        return still or trace.received_ns is not None


def pauses() -> Iterator[float]:
    """Yield how long to wait between two looks, in seconds: short at first."""
    pause_s = FIRST_PAUSE_S
    while True:
        yield pause_s
        pause_s = min(LONGEST_PAUSE_S, pause_s * 1.5)


def resolve(request: Request, backend: Backend) -> str | None:
    """Return the full id of the requested trace, or None when there is none (yet)."""
    text = request.text.strip().lower()
    if text == "last":
        return find_last(request, backend)
    parts = TRACEPARENT.fullmatch(text) or UUID.fullmatch(text)
    text = "".join(parts.groups()) if parts else text
    if not re.fullmatch("[0-9a-f]+", text) or not SHORTEST_PREFIX <= len(text) <= 32:
        raise AutionalError(
            f"{request.text!r} is not a trace id",
            hint=f"give {SHORTEST_PREFIX} to 32 hex digits, a traceparent, or `last`: autional trace last",
        )
    found = backend.resolve(text, CANDIDATES_SHOWN + 1)
    if len(found) > 1:
        listed = ", ".join(found[:CANDIDATES_SHOWN]) + (", …" if len(found) > CANDIDATES_SHOWN else "")
        raise AutionalError(f"{text} begins several trace ids: {listed}", hint=f"autional trace {found[0]}")
    return found[0] if found else None


def find_last(request: Request, backend: Backend) -> str | None:
    """Return the newest trace of a request from outside; one of background work when there is no other.

    Complete ones come first, unless we are to wait for the newest to become so.
    """
    query = make_query(request.since or LOOK_BACK[backend.name], time.time_ns(), request.service, limit=CANDIDATES)
    found = backend.search(query._replace(root_kind="server")) or backend.search(query)
    if request.timeout_s is None:
        whole = (summary.trace_id for summary in found if is_whole(backend.fetch(summary.trace_id), backend))
        begun = (summary.trace_id for summary in found if summary.has_root)
        return next(whole, None) or next(begun, found[0].trace_id if found else None)
    return found[0].trace_id if found else None


def is_whole(trace: Trace | None, backend: Backend) -> bool:
    """Tell whether a trace has a root, or a caller outside, and every other parent that its spans name."""
    if trace is None or trace.rejected:
        return False
    tree = build(trace.spans)
    orphans = sum(root.orphan for root in tree.roots)
    return not orphans or orphans == len(called_from_outside(tree, backend))


def find_logs(trace: Trace, backend: Backend, logs: Path | None) -> list[Entry]:
    """Return the log lines of a trace; a Jaeger has none."""
    if logs is None or not logs.is_dir():
        return []
    return read_trace(logs, trace.trace_id, backend if isinstance(backend, Reader) else None)


def not_found(request: Request, backend: Backend) -> AutionalError:
    """Say that there is no such trace."""
    if request.text == "last":
        of_service = f" of {request.service}" if request.service else ""
        text, hint = f"there is no trace{of_service} yet", "send a request first: autional smoke"
    else:
        text = f"there is no trace {request.text} in the {backend.name} store"
        hint = "a new one arrives within a second: add --await; `autional trace --slowest 10` lists what is there"
    if request.timeout_s is None:
        return AutionalError(text, hint=hint)
    waited = format_duration(request.timeout_s * 1e9)
    return AutionalError(f"waited {waited}: {text}", hint=hint, exit_code=ExitCode.WAIT_TIMED_OUT)


def incomplete(analysis: Analysis, request: Request) -> AutionalError:
    """Say why a trace is not complete at the deadline."""
    reasons = "; ".join(problem.message for problem in analysis.problems if problem.blocking)
    waited = format_duration((request.timeout_s or 0) * 1e9)
    return AutionalError(
        f"waited {waited}, trace {analysis.trace_id} is not complete: {reasons}",
        hint=f"autional trace {analysis.trace_id} --await --timeout 60",
        exit_code=ExitCode.WAIT_TIMED_OUT,
    )
