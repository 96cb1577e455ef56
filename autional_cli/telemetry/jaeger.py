"""Reading traces from a Jaeger by its query API v3, or from our own telemetry process: they speak the same.

Plain http.client: one request is all that a command makes, and importing an HTTP library costs more than that. Search
answers merge the traces, so spans are grouped by trace id here; there is no sort parameter, so the newest or slowest
are those of the traces that the search returned, which `Query` bounds by time and number.
"""

from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

from autional_cli.errors import AutionalError, ExitCode
from autional_cli.telemetry.model import Query, Span, Summary, Trace
from autional_cli.telemetry.moments import format_instant
from autional_cli.telemetry.otlp_json import decode_spans

if TYPE_CHECKING:
    from collections.abc import Iterator

TIMEOUT_S = 10.0
ITS_OWN = frozenset({"jaeger", "jaeger-query", "jaeger-all-in-one"})  # as services, by release
PAGE_START = 64  # bytes that show whether an answer is a page
ANSWER_LIMIT = 256 * 1024 * 1024  # bytes
SHORT_ID = 12  # hex digits from which on a text may be a whole 64-bit id
DEPTH = 1500  # traces a search may return; Jaeger's own default is 20 to 1000, by storage
PREFIX_WINDOW_NS = 24 * 3600 * 10**9


class NotFoundError(Exception):
    """Jaeger answered 404: no trace matches, or it is too old to know the path."""


class JaegerClient:
    """A backend for `autional trace`: a Jaeger query service at `url` (default port 16686, any base path)."""

    name = "jaeger"

    def __init__(self, url: str, *, now_ns: int, timeout_s: float = TIMEOUT_S) -> None:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        try:
            port = parts.port
        except ValueError as failure:
            raise AutionalError(f"--jaeger {url!r} is not a URL: {failure}") from failure
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise AutionalError(f"--jaeger {url!r} is not an HTTP URL", hint="for instance http://127.0.0.1:16686")
        self.url = url
        self.base = parts.path.rstrip("/")
        self.now_ns = now_ns
        make = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self.connection = make(parts.hostname, port or (443 if parts.scheme == "https" else 16686), timeout=timeout_s)

    def close(self) -> None:
        self.connection.close()

    def fetch(self, trace_id: str) -> Trace | None:
        """Return a trace by its full id, or None."""
        try:
            spans = list(self.read_spans(f"/api/v3/traces/{quote(trace_id)}", {}))
        except NotFoundError:
            return None
        return Trace(trace_id, unique(spans)) if spans else None

    def resolve(self, prefix: str, limit: int) -> list[str]:
        """Return ids that start with `prefix`: Jaeger knows whole ids only, so a prefix is sought in the last day."""
        if len(prefix) == 32:
            return [prefix]
        padded = prefix.zfill(32)  # a 64-bit id, with its leading zeros or without
        if len(prefix) >= SHORT_ID and self.fetch(padded) is not None:
            return [padded]
        found = self.search(Query(self.now_ns - PREFIX_WINDOW_NS, self.now_ns, limit=DEPTH))
        return [summary.trace_id for summary in found if summary.trace_id.startswith(prefix)][:limit]

    def consumers(self, message: str, since_ns: int) -> None:
        """Jaeger does not tell when an operation was last seen."""

    def search(self, query: Query) -> list[Summary]:
        """Return matching traces, newest or slowest first, of up to DEPTH per service."""
        # Most of Jaeger's storages require a service. It records what it is asked itself, this question for one.
        services = [query.service] if query.service else [name for name in self.services() if name not in ITS_OWN]
        found: dict[str, Summary] = {}
        for service in services:
            for summary in self.search_service(service, query):
                found[summary.trace_id] = summary
        wanted = [summary for summary in found.values() if matches(summary, query)]
        wanted.sort(key=(lambda s: s.duration_ns) if query.slowest_first else (lambda s: s.start_ns), reverse=True)
        return wanted[: query.limit]

    def services(self) -> list[str]:
        """Return the names of all services."""
        documents = self.read("/api/v3/services", {})
        return [str(name) for document in documents for name in document.get("services") or ()]

    def search_service(self, service: str, query: Query) -> Iterator[Summary]:
        """Yield summaries of one service's traces; a Jaeger before 2.19 has none, so its whole traces are fetched."""
        asked = {
            "serviceName": service,
            "startTimeMin": format_instant(query.start_min_ns),
            "startTimeMax": format_instant(query.start_max_ns),
            "searchDepth": str(DEPTH),
        }
        older = {  # the only names before 2.19, which still takes them
            "service_name": service,
            "start_time_min": asked["startTimeMin"],
            "start_time_max": asked["startTimeMax"],
            "num_traces": asked["searchDepth"],
        }
        parameters = {f"query.{name}": value for name, value in (asked | older).items()}
        try:
            for document in self.read("/api/v3/trace-summaries", parameters, is_recent=True):
                body = document.get("result", document)
                yield from (decode_summary(summary) for summary in body.get("summaries") or ())
            return
        except NotFoundError:
            pass
        try:
            spans = list(self.read_spans("/api/v3/traces", parameters))
        except NotFoundError:
            return
        by_trace: dict[str, list[Span]] = {}
        for span in unique(spans):
            by_trace.setdefault(span.trace_id, []).append(span)
        yield from (summarise(trace_id, members) for trace_id, members in by_trace.items())

    def read_spans(self, path: str, parameters: dict[str, str]) -> Iterator[Span]:
        """Yield the spans of an answer, which may come in several `{"result": …}` documents."""
        for document in self.read(path, parameters):
            try:
                yield from decode_spans(document.get("result", document))
            except (KeyError, TypeError, ValueError, AttributeError) as failure:
                raise self.unreadable(f"its answer is not OTLP JSON: {failure}") from failure

    def read(self, path: str, parameters: dict[str, str], *, is_recent: bool = False) -> list[dict[str, Any]]:
        """GET a path and return the JSON documents of the answer. Raises NotFoundError or AutionalError.

        `is_recent`: not every release has it. One that has not answers with its page, as it does for any other path.
        """
        query = f"?{urlencode(parameters)}" if parameters else ""
        try:
            self.connection.request("GET", f"{self.base}{path}{query}", headers={"Accept": "application/json"})
            response = self.connection.getresponse()
            body = response.read(ANSWER_LIMIT + 1)
        except (OSError, http.client.HTTPException) as failure:
            self.connection.close()
            raise self.unreadable(
                f"{type(failure).__name__}: {failure}" if str(failure) else repr(failure)
            ) from failure
        if len(body) > ANSWER_LIMIT:
            self.connection.close()
            raise self.unreadable(f"its answer is larger than {ANSWER_LIMIT} bytes")
        is_page = is_recent and body[:PAGE_START].lstrip().lower().startswith(b"<!doctype html")
        if response.status == http.client.NOT_FOUND or is_page:
            raise NotFoundError(path)
        documents = self.parse(body, response.status)
        for document in documents:
            if response.status != http.client.OK or document.get("error"):
                raise self.unreadable(f"it answered {response.status}: {describe_error(document)}")
        return documents

    def parse(self, body: bytes, status: int) -> list[dict[str, Any]]:
        """Split an answer into its JSON objects: one, or several one after the other."""
        text, position, documents = body.decode("utf-8", "replace"), 0, []
        decoder = json.JSONDecoder()
        while position < len(text):
            try:
                document, end = decoder.raw_decode(text, position)
            except ValueError as failure:
                raise self.unreadable(f"it answered {status} with something that is not JSON") from failure
            if not isinstance(document, dict):
                raise self.unreadable("its answer is not a JSON object")
            documents.append(document)
            while end < len(text) and text[end].isspace():
                end += 1
            position = end
        return documents

    def unreadable(self, reason: str) -> AutionalError:
        """Say that the Jaeger cannot be used, and why."""
        return AutionalError(
            f"no answer from the Jaeger at {self.url}: {reason}",
            hint=f"is its query service there? curl {self.url.rstrip('/')}/api/v3/services",
            exit_code=ExitCode.BACKEND_UNAVAILABLE,
        )


def describe_error(document: dict[str, Any]) -> str:
    """Take the message out of a GRPCGatewayError."""
    error = document.get("error")
    return str(error.get("message", error)) if isinstance(error, dict) else str(error or document)


def unique(spans: list[Span]) -> list[Span]:
    """Keep one of spans that came twice, as some storages send them; two spans with one id are not the same."""
    return list({(span.trace_id, span.span_id, repr(span)): span for span in spans}.values())


def matches(summary: Summary, query: Query) -> bool:
    """Tell whether a summary has what the search parameters cannot ask for."""
    if query.root_kind is not None and summary.root_kind not in ("", query.root_kind):
        return False  # Jaeger's summaries name the root but not its kind
    errors = summary.services.get(query.service, (0, 0))[1] if query.service else summary.errors
    return errors > 0 or not query.errors_only


def decode_summary(summary: dict[str, Any]) -> Summary:
    """Read a TraceSummary; fields that are zero are absent."""
    start_ns = int(summary.get("minStartTimeUnixNano") or 0)
    end_ns = int(summary.get("maxEndTimeUnixNano") or 0)
    return Summary(
        trace_id=str(summary.get("traceId", "")).lower(),
        root_service=str(summary.get("rootServiceName", "")),
        root_name=str(summary.get("rootOperationName", "")),
        root_kind="",
        start_ns=start_ns,
        end_ns=end_ns,
        duration_ns=max(0, end_ns - start_ns),
        spans=int(summary.get("spanCount") or 0),
        errors=int(summary.get("errorSpanCount") or 0),
        services={
            str(service.get("name", "")): (int(service.get("spanCount") or 0), int(service.get("errorSpanCount") or 0))
            for service in summary.get("services") or ()
        },
        orphans=int(summary.get("orphanSpanCount") or 0),
        has_root=bool(summary.get("rootServiceName")),
    )


def summarise(trace_id: str, spans: list[Span]) -> Summary:
    """Make the summary of a trace from its spans."""
    present = {span.span_id for span in spans}
    served = [span for span in spans if span.kind == "server" and span.parent_id not in present]
    tops = [span for span in spans if span.parent_id is None] or served
    roots = sorted(tops, key=lambda span: span.first_ns)
    start_ns, end_ns = min(span.first_ns for span in spans), max(span.last_ns for span in spans)
    services: dict[str, tuple[int, int]] = {}
    for span in spans:
        count, errors = services.get(span.service, (0, 0))
        services[span.service] = (count + 1, errors + span.error)
    return Summary(
        trace_id=trace_id,
        root_service=roots[0].service if roots else "",
        root_name=roots[0].name if roots else "",
        root_kind=roots[0].kind if roots else "",
        start_ns=start_ns,
        end_ns=end_ns,
        duration_ns=roots[0].duration_ns if roots else end_ns - start_ns,
        spans=len(spans),
        errors=sum(span.error for span in spans),
        services=services,
        orphans=sum(span.parent_id is not None and span.parent_id not in present for span in spans),
        has_root=bool(roots) and roots[0].parent_id is None,
    )
