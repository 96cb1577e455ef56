"""What a drill showed, as JSON (version 1; keys are only added) and as lines for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from autional_cli.chaos.drill import moments
from autional_cli.errors import ExitCode
from autional_cli.load.availability import by_capability, per_second, phases, recovery_s, verdict

if TYPE_CHECKING:
    from autional_cli.chaos.drill import Finding
    from autional_cli.load.account import Discrepancy
    from autional_cli.load.records import StepRun

SHOWN = 100


def report(finding: Finding) -> dict[str, Any]:
    """Return the whole report."""
    capabilities = [_capability(finding, name, runs) for name, runs in by_capability(finding.records.steps).items()]
    failed = finding.records.failed()
    return {
        "schema": 1,
        "drill": {**finding.order.to_json(), "title": finding.order.title},
        "units": list(finding.units),
        **moments(finding),
        "duration_s": round(finding.watched_until - finding.began, 3),
        "recovered": finding.recovered,
        "lost_messages": len(finding.account.lost),
        "doubled_messages": len(finding.account.doubled),
        "capabilities": capabilities,
        "requests": finding.records.count(),
        "failed_requests": [request.to_json() for request in failed[:SHOWN]],
        "messages": finding.account.to_json(),
    }


def _capability(finding: Finding, name: str, runs: list[StepRun]) -> dict[str, Any]:
    before, during, after = phases(runs, finding.began, finding.watched_until)
    return {
        "name": name,
        "service": name.partition(".")[0],
        "before": before.to_json(),
        "during": during.to_json(),
        "after": after.to_json(),
        "verdict": verdict(before, during),
        "recovery_s": recovery_s(runs, finding.began, finding.undone, finding.ended),
        "errors": sorted({run.error for run in runs if run.error and run.ended >= finding.began})[:3],
        "timeline": per_second(runs, finding.loaded, finding.ended),
    }


def exit_code(finding: Finding) -> ExitCode:
    """Return how the command ends: 8 if a message was lost, doubled or not to be read; 6 if something is not back."""
    if not finding.account.balanced:
        return ExitCode.DRAIN_INCOMPLETE
    return ExitCode.OK if finding.recovered else ExitCode.SERVICE_FAILED


COLUMNS = ("CAPABILITY", "BEFORE", "DURING", "AFTER", "P50 MS", "VERDICT", "BACK AFTER")


def rows(document: dict[str, Any]) -> list[tuple[str, ...]]:
    """Return a row for each capability, those that suffered first."""
    order = {"failed": 0, "degraded": 1, "answered": 2, "not tried": 3}
    found = sorted(document["capabilities"], key=lambda c: (order[c["verdict"]], c["name"]))
    return [
        (
            c["name"],
            *(_share(c[phase]) for phase in ("before", "during", "after")),
            f"{c['before']['p50_ms']:.0f} → {c['during']['p50_ms']:.0f}",
            c["verdict"],
            _back(c),
        )
        for c in found
    ]


def _share(found: dict[str, Any]) -> str:
    return "-" if found["success"] is None else f"{found['success']:.0%} of {found['steps']}"


def _back(capability: dict[str, Any]) -> str:
    if capability["recovery_s"] is None:
        return "NOT BACK"
    return f"≤ {capability['recovery_s']:.1f} s" if capability["errors"] else "-"


def summary(finding: Finding, document: dict[str, Any]) -> list[str]:
    """Return the lines under the table."""
    requests, account = document["requests"], finding.account
    ended = f"{requests['answered']} answered + {requests['refused']} refused rightly + {requests['failed']} failed"
    wrong = f"{len(account.lost)} lost, {len(account.doubled)} doubled"
    lines = [
        f"requests  {requests['sent']} sent = {ended}",
        f"messages  {account.published} published, {account.applied} of {account.due} applied once, {wrong}",
    ]
    lines += [f"unread    {name}: {why}" for name, why in account.unreadable.items()]
    lines += [_line("LOST", each) for each in account.lost[:SHOWN]]
    lines += [_line("DOUBLED", each) for each in account.doubled[:SHOWN]]
    return lines


def _line(word: str, found: Discrepancy) -> str:
    detail = f" ({found.detail})" if found.detail else ""
    return f"{word:<9} {found.type} {found.what} by {found.where}{detail}: autional trace {found.trace_id or '-'}"
