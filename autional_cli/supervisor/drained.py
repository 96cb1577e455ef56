"""How the stop of one process went, and what many of them add up to: `drain --format json` (design: CLI)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from autional_cli.errors import AutionalError, ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from autional_cli.supervisor.process import Exit


@dataclass(frozen=True, kw_only=True)
class Drained:
    """The end of one process. `said` is what it reported of its drain last; nothing if it reported none."""

    unit: str
    service: str
    said: Mapping[str, Any] | None = None
    ended: Exit | None = None
    killed: bool = False
    elapsed_ms: int = 0
    problem: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return its entry in the report."""
        said = dict(self.said or {})
        counts = {name: int(said.get(name, 0)) for name in ("in_flight", "completed", "aborted", "unacked")}
        lost = list(said.get("lost", ()))
        if said and not said.get("final"):  # killed or crashed: what it still had in hand when it last spoke is gone
            lost += said.get("in_hand", ())
            counts["aborted"] = counts["in_flight"] - counts["completed"]
        steps = list(said.get("steps", ()))
        if not steps and self.ended:
            steps = [{"name": "stop", "ms": self.elapsed_ms, "ok": not self.killed, "detail": ""}]
        return {
            "name": self.unit,
            "service": self.service,
            **counts,
            "steps": steps,
            "lost": lost,
            "killed": self.killed,
            "exit": self.ended.describe() if self.ended else "was not running",
            "elapsed_ms": self.elapsed_ms,
            "problem": self.problem or self._trouble(),
        }

    def _trouble(self) -> str:
        if self.killed:
            return "did not stop in time and was killed"
        if self.ended and self.ended.code not in (0, None):
            return self.ended.describe()
        return ""


@dataclass(kw_only=True)
class DrainReport:
    """The ends of several processes, in their order."""

    ended: list[Drained] = field(default_factory=list)
    elapsed_ms: int = 0

    def to_json(self, **more: Any) -> dict[str, Any]:
        """Return the report, version 1.

        A message that is not acknowledged is delivered again, so it is not lost: `lost_messages` counts what a proof
        finds missing, and is 0 without one.
        """
        services = [drained.to_json() for drained in self.ended]
        return {
            "schema": 1,
            "lost_requests": sum(service["aborted"] for service in services),
            "lost_messages": 0,
            "elapsed_ms": self.elapsed_ms,
            "services": services,
            **more,
        }


def must_be_complete(report: Mapping[str, Any]) -> None:
    """Raise AutionalError (exit 8) that names what was lost or had to be forced."""
    if report and (lines := complaints(report)):
        listed = "".join(f"\n    {line}" for line in lines)
        raise AutionalError(
            f"drain incomplete: {report['lost_requests']} requests and {report['lost_messages']} messages lost{listed}",
            hint="`autional logs` shows what they did last, `autional trace ID` one of them; longer: --timeout",
            exit_code=ExitCode.DRAIN_INCOMPLETE,
        )


def complaints(report: Mapping[str, Any]) -> list[str]:
    """Return a line for everything that was lost or had to be forced; nothing for a clean drain."""
    lines = []
    for service in report["services"]:
        lines += [f"{service['name']}: {service['problem']}"] if service["problem"] else []
        lines += [f"{service['name']}: lost {named(work)}" for work in service["lost"]]
        if unnamed := service["aborted"] - len(service["lost"]):
            lines.append(f"{service['name']}: lost {unnamed} more that it did not name")
    return lines + disproofs(report.get("proof") or {})


def disproofs(proof: Mapping[str, Any]) -> list[str]:
    """Return a line for each request and message that the proof missed, found twice, or could not look for."""
    if not proof or proof["holds"]:
        return []
    lines = [
        f"{each['method']} {each['path']} of {each['capability']}: {each['error']} ({traced(each)})"
        for each in proof["failed_requests"]
    ]
    if unlisted := proof["lost_requests"] - len(lines):
        lines.append(f"{unlisted} more requests failed")
    messages = proof["messages"]
    for each in (*messages["lost"], *messages["doubled"]):
        detail = f", {each['detail']}" if each["detail"] else ""
        lines.append(f"message {each['type']}: {each['what']} by {each['where']}{detail} ({traced(each)})")
    lines += [f"{name} could not be looked at: {why}" for name, why in messages["unreadable"].items()]
    return lines


def traced(lost: Mapping[str, Any]) -> str:
    """Return `trace 4bf9…`, or that there is none: no answer, no trace id."""
    return f"trace {lost['trace_id']}" if lost["trace_id"] else "no trace: no answer came"


def remarks(report: Mapping[str, Any]) -> list[str]:
    """Return a line for what did not go well and cost nothing: steps that failed, messages to be delivered again."""
    lines = []
    for service in report["services"]:
        lines += [f"{service['name']}: {step['name']}: {step['detail']}" for step in failed_steps(service["steps"])]
        if service["unacked"]:
            lines.append(f"{service['name']}: {service['unacked']} unacknowledged, delivered again to the next process")
    return lines


def failed_steps(steps: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the steps that are not ok."""
    return [step for step in steps if not step["ok"] and step.get("detail")]


def named(work: Mapping[str, str]) -> str:
    """Return `GET /v1/me (trace 4bf9…)`."""
    trace = work.get("trace_id", "")
    return f"{work['kind']} {work['name']}" + (f" (trace {trace})" if trace else "")
