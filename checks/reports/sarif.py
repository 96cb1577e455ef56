"""Findings for code scanning: SARIF 2.1.0 (OASIS), one run, with fingerprints that survive moved lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from checks.model import Tier
from checks.registry import explain

if TYPE_CHECKING:
    from checks.engine import Report
    from checks.model import Finding

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LEVELS = {Tier.P0: "error", Tier.P1: "error", Tier.P2: "warning"}


def document(report: Report) -> dict[str, Any]:
    """Return the report as a SARIF log."""
    index = {rule.code: number for number, rule in enumerate(report.rules)}
    rules = [
        {
            "id": rule.code,
            "name": type(rule).__name__,
            "shortDescription": {"text": rule.title},
            "fullDescription": {"text": explain(rule.code)},
            "help": {"text": f"autional check --explain {rule.code}"},
            "defaultConfiguration": {"level": LEVELS[rule.tier]},
            "properties": {"tier": rule.tier.value, "lane": rule.lane.value},
        }
        for rule in report.rules
    ]
    driver = {"name": "autional check", "rules": rules}
    notes = [
        {
            "level": "error",
            "message": {"text": f"{why}; next: {hint}" if hint else why},
            **({"associatedRule": {"id": code}} if code in index else {}),
        }
        for code, why, hint in report.incomplete
    ]
    invocation = {"executionSuccessful": not report.incomplete, "toolExecutionNotifications": notes}
    shown = [*((one, False) for one in report.findings), *((one, True) for one in report.suppressed)]
    results = [result(one, index, hidden) for one, hidden in shown]
    run = {"tool": {"driver": driver}, "invocations": [invocation], "results": results, "columnKind": "utf16CodeUnits"}
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def result(finding: Finding, index: dict[str, int], hidden: bool) -> dict[str, Any]:
    """Return one finding as a SARIF result."""
    region = {"startLine": finding.line} | ({"startColumn": finding.column} if finding.column else {})
    place: dict[str, Any] = {"artifactLocation": {"uri": quote(finding.path), "uriBaseId": "%SRCROOT%"}}
    if finding.line:
        place["region"] = region
    known = {"ruleIndex": index[finding.code]} if finding.code in index else {}
    return {
        "ruleId": finding.code,
        **known,
        "level": LEVELS[finding.tier],
        "message": {"text": finding.message},
        "locations": [{"physicalLocation": place}],
        "partialFingerprints": {"autional/v1": finding.fingerprint},
        **({"suppressions": [{"kind": "inSource"}]} if hidden else {}),
    }
