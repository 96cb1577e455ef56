"""Findings for scripts: version 1, which only grows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from checks.engine import Report


def document(report: Report) -> dict[str, Any]:
    """Return the report as JSON."""
    return {
        "schema": 1,
        "rules": len(report.rules),
        "files": report.files,
        "elapsed_ms": report.elapsed_ms,
        "subjects": dict(sorted(report.subjects.items())),
        "findings": [one.to_json() for one in report.findings],
        "blocking": len(report.blocking()),
        "suppressed": [one.to_json() for one in report.suppressed],
        "baselined": [one.to_json() for one in report.baselined],
        "incomplete": [{"code": code, "why": why, "hint": hint} for code, why, hint in report.incomplete],
    }
