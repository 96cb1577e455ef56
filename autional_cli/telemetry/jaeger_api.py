"""Jaeger's query API v3 over the store: `/api/v3/*` in Jaeger's own shapes.

Parameters and answers follow jaeger-idl `proto/api_v3/query_service.proto` (HTTP binding) and Jaeger 2.19; the older
snake_case parameter names are accepted as Jaeger accepts them.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from autional_cli.telemetry.model import Query, Summary
from autional_cli.telemetry.moments import parse_duration, parse_instant
from autional_cli.telemetry.otlp_json import encode_traces

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from autional_cli.telemetry.reader import Reader

Answer = tuple[int, dict[str, Any]]
DEFAULT_DEPTH = 20
DEPTH_LIMIT = 1500
ALIASES = {
    "query.serviceName": ("query.service_name",),
    "query.operationName": ("query.operation_name",),
    "query.startTimeMin": ("query.start_time_min",),
    "query.startTimeMax": ("query.start_time_max",),
    "query.searchDepth": ("query.search_depth", "query.num_traces"),
    "query.durationMin": ("query.duration_min",),
    "query.durationMax": ("query.duration_max",),
    "spanKind": ("span_kind",),
}


class ParameterError(ValueError):
    """A query parameter cannot be used."""


def answer(path: str, parameters: Mapping[str, str], reader: Reader) -> Answer:
    """Answer `GET /api/v3{path}`: HTTP status and JSON body."""
    try:
        if path == "/services":
            return 200, {"services": reader.services()}
        if path == "/operations":
            return answer_operations(parameters, reader)
        if path == "/traces":
            return answer_search(parameters, reader)
        if path == "/trace-summaries":
            summaries = reader.search(read_query(parameters))
            return 200, {"summaries": [encode_summary(summary, reader) for summary in summaries]}
        if path.startswith("/traces/"):
            return answer_trace(path.removeprefix("/traces/"), reader)
    except ParameterError as failure:
        return refuse(400, str(failure))
    return refuse(404, f"no such path: /api/v3{path}")


def refuse(status: int, message: str) -> Answer:
    """Write an error as Jaeger's GRPCGatewayError."""
    return status, {"error": {"httpCode": status, "message": message}}


def answer_operations(parameters: Mapping[str, str], reader: Reader) -> Answer:
    """List the operations of a service."""
    service = parameters.get("service")
    if not service:
        raise ParameterError("parameter service is required")
    operations = reader.operations(service, find_parameter(parameters, "spanKind"))
    return 200, {"operations": [{"name": name, "spanKind": kind} for name, kind in operations]}


def answer_trace(text: str, reader: Reader) -> Answer:
    """Return one trace; ids shorter than 32 digits are padded, as Jaeger does."""
    if not re.fullmatch("[0-9a-fA-F]{1,32}", text):
        raise ParameterError(f"malformed parameter trace_id: {text!r} is not hexadecimal")
    trace = reader.fetch(text.lower().zfill(32))
    if trace is None:
        return refuse(404, "No traces found")
    return 200, {"result": encode_traces(trace.spans)}


def answer_search(parameters: Mapping[str, str], reader: Reader) -> Answer:
    """Return the spans of all matching traces; the reader groups them by trace id."""
    found = [reader.fetch(summary.trace_id) for summary in reader.search(read_query(parameters))]
    spans = [span for trace in found if trace is not None for span in trace.spans]
    return (200, {"result": encode_traces(spans)}) if spans else refuse(404, "No traces found")


def read_query(parameters: Mapping[str, str]) -> Query:
    """Read the parameters of a search; raises ParameterError as Jaeger words it."""
    start_min = read(parameters, "query.startTimeMin", parse_instant)
    start_max = read(parameters, "query.startTimeMax", parse_instant)
    if start_min is None or start_max is None:
        raise ParameterError("query.startTimeMin and query.startTimeMax are required")
    return Query(
        start_min_ns=start_min,
        start_max_ns=start_max,
        service=find_parameter(parameters, "query.serviceName"),
        operation=find_parameter(parameters, "query.operationName"),
        duration_min_ns=read(parameters, "query.durationMin", parse_duration),
        duration_max_ns=read(parameters, "query.durationMax", parse_duration),
        attributes=read(parameters, "query.attributes", parse_attributes),
        limit=min(read(parameters, "query.searchDepth", parse_depth) or DEFAULT_DEPTH, DEPTH_LIMIT),
    )


def read(parameters: Mapping[str, str], name: str, parse: Callable[[str], Any]) -> Any:
    """Parse a parameter; None when it is absent."""
    text = find_parameter(parameters, name)
    try:
        return None if text is None else parse(text)
    except ValueError as failure:
        raise ParameterError(f"malformed parameter {name}: {failure}") from failure


def find_parameter(parameters: Mapping[str, str], name: str) -> str | None:
    """Return a parameter by its name or an older one; empty counts as absent."""
    return next((parameters[key] for key in (name, *ALIASES.get(name, ())) if parameters.get(key)), None)


def parse_depth(text: str) -> int:
    """Read a non-negative number."""
    if not text.isdecimal():
        raise ValueError(f"{text!r} is not a number")
    return int(text)


def parse_attributes(text: str) -> dict[str, str]:
    """Read a JSON object of strings."""
    attributes = json.loads(text)
    if not isinstance(attributes, dict) or not all(isinstance(value, str) for value in attributes.values()):
        raise ValueError("not a JSON object of strings")
    if any('"' in key for key in attributes):
        raise ValueError("a key contains a quotation mark")
    return attributes


def encode_summary(summary: Summary, reader: Reader) -> dict[str, Any]:
    """Write a TraceSummary; zero counts are left out, as protobuf's JSON mapping does."""
    encoded = {
        "traceId": summary.trace_id,
        "rootServiceName": summary.root_service,
        "rootOperationName": summary.root_name,
        "minStartTimeUnixNano": str(summary.start_ns),
        "maxEndTimeUnixNano": str(summary.end_ns),
        "spanCount": summary.spans,
        "errorSpanCount": summary.errors,
        "orphanSpanCount": reader.count_orphans(summary.trace_id),
        "services": [
            {key: value for key, value in (("name", name), ("spanCount", spans), ("errorSpanCount", errors)) if value}
            for name, (spans, errors) in sorted(summary.services.items())
        ],
    }
    return {key: value for key, value in encoded.items() if value}
