"""Traces for assertions: what a request did, in which services, with how many statements."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from autional_cli.errors import AutionalError, ExitCode
from autional_cli.pytest_plugin.callers import SERVICE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from autional_cli.pytest_plugin.callers import Caller, Callers
    from autional_cli.pytest_plugin.running import Platform
    from autional_cli.telemetry.analyse import Analysis
    from autional_cli.telemetry.log_lines import Entry
    from autional_cli.telemetry.tree import Node

WIDTH = 160
STATEMENT_SHOWN = 200
PAUSE_S = 0.1  # between two looks at a trace in which the platform has not appeared yet


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanView:
    """One span. `background` is work that the request did not wait for: events it caused and what they led to."""

    service: str
    name: str
    kind: str
    ms: float
    ok: bool
    background: bool
    attributes: dict[str, Any] = field(repr=False)

    @property
    def statement(self) -> str:
        """The statement of a query, on one line."""
        found = self.attributes.get("db.query.text") or self.attributes.get("db.query.summary") or ""
        return " ".join(str(found).split())

    def __str__(self) -> str:
        return f"{self.service}: {self.statement[:STATEMENT_SHOWN] or self.name}  ({self.ms:.1f} ms)"


class Spans(list[SpanView]):
    """Spans that list themselves, so that an assertion about their number says which they are."""

    def __str__(self) -> str:
        return "\n".join((f"{len(self)} of them:", *(f"  {number}. {span}" for number, span in enumerate(self, 1))))

    def __repr__(self) -> str:
        return f"<{len(self)}: {', '.join(span.name for span in self)}>"

    def at_most(self, number: int) -> Spans:
        """Return them if there are no more than `number`; AssertionError that lists them otherwise."""
        if len(self) > number:
            raise AssertionError(f"expected at most {number}, found {self}")
        return self


class TraceView:
    """A complete trace. `looked_at` is what the test asked of it, for the report of a failure."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self.looked_at: list[tuple[str, Spans]] = []

    @property
    def id(self) -> str:
        """The trace id, 32 hex digits."""
        return self.analysis.trace_id

    @property
    def services(self) -> list[str]:
        """The services that took part, in order of appearance; the test itself is none."""
        return [name for name in self.analysis.services if name != SERVICE]

    @property
    def ms(self) -> float:
        """Milliseconds until the answer."""
        return self.analysis.tree.primary.duration / 1e6

    @property
    def logs(self) -> list[Entry]:
        """The log lines of all services about this request."""
        return self.analysis.logs

    def spans(
        self, *, service: str | None = None, name: str = "*", kind: str | None = None, background: bool = True
    ) -> Spans:
        """Return the spans that match; `name` may have wildcards, without `background` work if so wanted."""
        found = Spans(
            view
            for view in views(self.analysis.tree.nodes)
            if (service is None or view.service == service)
            and fnmatchcase(view.name, name)
            and (kind is None or view.kind == kind)
            and (background or not view.background)
        )
        self.looked_at.append((f"spans of {service or 'all services'} named {name}", found))
        return found

    def queries(self, *, service: str | None = None, background: bool = False) -> Spans:
        """Return the statements and commands sent to databases, commits not counted."""
        found = Spans(
            view
            for view in views(self.analysis.tree.nodes)
            if "db.system.name" in view.attributes
            and view.statement
            and (service is None or view.service == service)
            and (background or not view.background)
        )
        self.looked_at.append((f"queries of {service or 'all services'}", found))
        return found

    def events(self) -> list[str]:
        """Return the types of the events that were published, in order."""
        sent = (span for span in views(self.analysis.tree.nodes) if span.kind == "producer")
        return [span.name.removeprefix("send ") for span in sent]

    def waterfall(self, width: int = WIDTH) -> str:
        """Return the drawing of `autional trace`, without colours."""
        from autional_cli.telemetry.palette import Palette
        from autional_cli.telemetry.waterfall import draw

        return draw(self.analysis, width=width, palette=Palette(False))

    def __str__(self) -> str:
        return self.waterfall()

    def __repr__(self) -> str:
        return f"<trace {self.id}: {len(self.analysis.tree.nodes)} spans of {', '.join(self.services)}>"


def views(nodes: Iterable[Node]) -> list[SpanView]:
    """Return nodes, parents before children, as a test sees them."""
    unwaited: set[int] = set()
    found = []
    for node in nodes:
        if node.asynchronous or (node.parent is not None and id(node.parent) in unwaited):
            unwaited.add(id(node))
        span = node.span
        found.append(
            SpanView(
                service=span.service,
                name=span.name,
                kind=span.kind,
                ms=node.duration / 1e6,
                ok=not span.error,
                background=id(node) in unwaited,
                attributes=span.attributes,
            )
        )
    return found


class Traces:
    """Fetches traces of one test; `fetched` are those it asked for."""

    def __init__(self, platform: Platform, callers: Callers) -> None:
        self._platform = platform
        self.callers = callers
        self.fetched: list[TraceView] = []

    @property
    def made(self) -> list[Caller]:
        """The requests of the test."""
        return self.callers.made

    def __call__(self, of: Any, *, timeout: float = 20.0) -> TraceView:
        """Return the trace of a response (of any HTTP client) or an id, once it is complete.

        AutionalError (exit 5) if it is not within `timeout` seconds.
        """
        analysis, complaint = self.find(trace_id_of(of), timeout)
        if complaint is not None:
            raise complaint
        view = TraceView(analysis)
        self.fetched.append(view)
        return view

    def find(self, trace_id: str, timeout_s: float) -> tuple[Analysis, AutionalError | None]:
        """Return a trace as it is at the deadline, and what it still lacked then."""
        from autional_cli.telemetry.locate import open_traces
        from autional_cli.telemetry.selection import Request, find

        self.callers.tell()
        deadline = time.monotonic() + timeout_s
        with closing(open_traces(self._platform.instance.home, time.time_ns())) as backend:
            while True:
                left = max(0.0, deadline - time.monotonic())
                request = Request(trace_id, None, "", left)
                analysis, complaint = find(request, backend, self._platform.instance.logs_dir)
                lonely = self._is_lonely(analysis)
                if complaint or left == 0.0 or not lonely:
                    return analysis, complaint or (unanswered(trace_id, timeout_s) if lonely else None)
                time.sleep(min(PAUSE_S, left))

    def _is_lonely(self, analysis: Analysis) -> bool:
        """Whether the only span is the test's own although the platform answered: its spans are still to come."""
        answered = any(caller.trace_id == analysis.trace_id and caller.status for caller in self.made)
        return answered and all(node.span.service == SERVICE for node in analysis.tree.nodes)


def unanswered(trace_id: str, waited_s: float) -> AutionalError:
    """Return the error for a trace without a span of the platform."""
    return AutionalError(
        f"waited {waited_s:g} s: no span of the platform came for trace {trace_id}",
        hint="autional why telemetry",
        exit_code=ExitCode.WAIT_TIMED_OUT,
    )


def trace_id_of(of: Any) -> str:
    """Return the trace id that is meant. AutionalError for what has none."""
    if isinstance(of, str):
        return of
    found = getattr(of, "trace_id", None)
    if found is None and hasattr(of, "headers"):
        headers = {str(name).lower(): str(value) for name, value in dict(of.headers).items()}
        found = headers.get("x-trace-id")
    if not found:
        raise AutionalError(
            f"{of!r} has no trace id", hint="give a response of this platform, which carries x-trace-id, or the id"
        )
    return str(found)
