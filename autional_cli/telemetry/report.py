"""The JSON form of an analysis and of lists of traces, version 1 (scripts depend on it; only add)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from autional_cli.telemetry.moments import format_instant

if TYPE_CHECKING:
    from collections.abc import Iterable

    from autional_cli.telemetry.analyse import Analysis
    from autional_cli.telemetry.critical_path import Section
    from autional_cli.telemetry.model import Query, Summary
    from autional_cli.telemetry.root_cause import RootCause
    from autional_cli.telemetry.tree import Node, Tree

SCHEMA = 1


def microseconds(duration_ns: int) -> int:
    """Round nanoseconds to microseconds."""
    return round(duration_ns / 1000)


def report(analysis: Analysis) -> dict[str, Any]:
    """Return the analysis as JSON data. Times are microseconds after `started_at`."""
    tree = analysis.tree
    return {
        "schema": SCHEMA,
        "trace_id": analysis.trace_id,
        "backend": analysis.backend,
        "complete": analysis.complete,
        "problems": [{"kind": problem.kind, "message": problem.message} for problem in analysis.problems],
        "started_at": format_instant(tree.start_ns),
        "duration_us": microseconds(tree.primary.duration),
        "completion_us": microseconds(analysis.completion_ns),
        "services": analysis.services,
        "spans": [report_span(node, tree) for node in tree.nodes],
        "critical_path": {
            "to_response": report_path(analysis.to_response),
            "to_completion": report_path(analysis.to_completion),
        },
        "gaps": [
            {
                "kind": gap.kind,
                "span_id": gap.node.span.span_id,
                "start_us": microseconds(gap.start),
                "us": microseconds(gap.duration),
                "message": gap.message,
            }
            for gap in analysis.gaps
        ],
        "diagnosis": [
            {
                "kind": finding.kind,
                "us": microseconds(finding.cost_ns),
                "span_ids": [node.span.span_id for node in finding.nodes],
                "message": finding.message,
            }
            for finding in analysis.findings
        ],
        "root_cause": report_cause(analysis.root_cause) if analysis.root_cause else None,
        "logs": [entry.fields for entry in analysis.logs],
    }


def report_span(node: Node, tree: Tree) -> dict[str, Any]:
    """Return one span; `skew_us` was added to its recorded times."""
    span = node.span
    return {
        "span_id": span.span_id,
        "parent_id": span.parent_id,
        "links": [{"trace_id": link.trace_id, "span_id": link.span_id} for link in span.links],
        "service": span.service,
        "instance": span.source.instance,
        "name": span.name,
        "kind": span.kind,
        "start_us": microseconds(node.start),
        "duration_us": microseconds(node.duration),
        "self_us": microseconds(node.self_ns),
        "depth": node.depth,
        "asynchronous": node.asynchronous,
        "runs_on": node.runs_on,
        "recorded": {"start_ns": span.start_ns, "end_ns": span.end_ns},
        "skew_us": microseconds(node.skew),
        "status": "error" if span.error else "ok",
        "message": span.message,
        "cut": span.cut,
        "attributes": span.attributes,
        "events": [
            {
                "name": event.name,
                "at_us": microseconds(event.time_ns + node.skew - tree.start_ns),
                "attributes": event.attributes,
            }
            for event in span.events
        ],
    }


def report_path(sections: Iterable[Section]) -> list[dict[str, Any]]:
    """Return the sections of a critical path; `waiting` ones lie before the span began."""
    return [
        {
            "span_id": section.node.span.span_id,
            "start_us": microseconds(section.start),
            "us": microseconds(section.end - section.start),
            "waiting": section.waiting,
        }
        for section in sections
    ]


def report_cause(cause: RootCause) -> dict[str, Any]:
    """Return the root cause."""
    return {
        "span_id": cause.node.span.span_id,
        "service": cause.node.span.service,
        "name": cause.node.span.name,
        "error": cause.error,
        "message": cause.message,
        "path": [node.span.span_id for node in cause.path],
        "reached_root": cause.reached_root,
    }


def report_summary(summary: Summary, query: Query, backend: str) -> dict[str, Any]:
    """Return one line of a list of traces; `window` is the time that was searched."""
    return {
        "schema": SCHEMA,
        "trace_id": summary.trace_id,
        "backend": backend,
        "started_at": format_instant(summary.start_ns),
        "duration_us": microseconds(summary.duration_ns),
        "completion_us": microseconds(summary.end_ns - summary.start_ns),
        "service": summary.root_service,
        "name": summary.root_name,
        "spans": summary.spans,
        "errors": summary.errors,
        "services": sorted(summary.services),
        "window": {"from": format_instant(query.start_min_ns), "to": format_instant(query.start_max_ns)},
    }
