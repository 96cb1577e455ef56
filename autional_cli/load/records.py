"""What a load leaves behind: one record per request and one per step. Times `at` are Unix seconds."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    """How a request ended, as its user sees it."""

    ANSWERED = "answered"
    REFUSED = "refused"  # a 4xx with an envelope, where the step reckons with it
    TURNED_AWAY = "turned_away"  # cleanly refused, because what it needs had been stopped on purpose: `load/stopped.py`
    FAILED = "failed"  # no connection, no answer in time, a 5xx, or an answer that nobody reckoned with


@dataclass(slots=True, kw_only=True)
class Request:
    """One request. `status` is 0 and `trace_id` may be empty where no answer came; `code` is an envelope's error."""

    capability: str
    method: str
    path: str
    at: float
    ms: float
    status: int = 0
    trace_id: str = ""
    outcome: Outcome = Outcome.FAILED
    error: str = ""
    code: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return it for a report."""
        return asdict(self)


@dataclass(slots=True, kw_only=True)
class StepRun:
    """One run of a step. `promises` are the event types that it must have caused if it went well."""

    capability: str
    at: float
    ms: float
    ok: bool
    error: str = ""
    promises: tuple[str, ...] = ()
    trace_ids: tuple[str, ...] = ()

    @property
    def ended(self) -> float:
        """When it ended."""
        return self.at + self.ms / 1000


@dataclass(slots=True)
class Records:
    """Everything that was recorded, in the order in which it ended; `under_way` is when each open step began."""

    requests: list[Request] = field(default_factory=list)
    steps: list[StepRun] = field(default_factory=list)
    under_way: dict[int, float] = field(default_factory=dict)

    def failed(self) -> list[Request]:
        """Return the requests that failed."""
        return [request for request in self.requests if request.outcome is Outcome.FAILED]

    def count(self) -> dict[str, int]:
        """Return how many requests were sent, and how many ended how; sent is the sum of the others."""
        counts = {outcome.value: 0 for outcome in Outcome}
        for request in self.requests:
            counts[request.outcome.value] += 1
        return {"sent": len(self.requests), **counts}
