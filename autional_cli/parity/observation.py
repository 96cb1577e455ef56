"""What was seen of a behaviour on one side, as data: outcomes, answers, and what is certain of the traces."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Answer:
    """One request of a step: how it was answered, and the shape of the document."""

    method: str
    path: str
    status: int
    shape: Any

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.status}"


@dataclass(slots=True)
class Seen:
    """One walk of one step. `spans` are service, kind and name; `queries` count statements until the answers."""

    ok: bool
    error: str = ""
    ms: float = 0.0
    answers: list[Answer] = field(default_factory=list)
    spans: set[tuple[str, str, str]] = field(default_factory=set)
    queries: dict[str, int] = field(default_factory=dict)
    events: set[str] = field(default_factory=set)
    untraced: str = ""  # why the traces could not be had whole


@dataclass(slots=True)
class StepSeen:
    """One step in all walks of one side."""

    name: str
    walks: list[Seen] = field(default_factory=list)

    @property
    def outcome(self) -> str:
        """`ok`, `failed`, or `skipped` where an earlier step failed."""
        if not self.walks:
            return "skipped"
        return "ok" if all(walk.ok for walk in self.walks) else "failed"

    @property
    def error(self) -> str:
        """Why it failed."""
        return next((walk.error for walk in self.walks if walk.error), "")

    @property
    def ms(self) -> float:
        """The quickest walk: what the rest took longer is the machine's business."""
        return min((walk.ms for walk in self.walks), default=0.0)

    def queries(self) -> dict[str, tuple[int, int]]:
        """Return fewest and most statements of each service: caches make some walks need fewer."""
        services = {name for walk in self.walks for name in walk.queries}
        counts = {name: [walk.queries.get(name, 0) for walk in self.walks] for name in services}
        return {name: (min(found), max(found)) for name, found in counts.items()}

    def always(self, what: str) -> set[Any]:
        """Return what every walk showed: of `spans` or `events`."""
        found = [set(getattr(walk, what)) for walk in self.walks]
        return set.intersection(*found) if found else set()

    def ever(self, what: str) -> set[Any]:
        """Return what any walk showed."""
        return set().union(*(getattr(walk, what) for walk in self.walks))


@dataclass(slots=True)
class Observation:
    """One side: what runs it, and what was seen of each step, in the order of the suite."""

    label: str
    driver: str
    stack: str
    elapsed_s: float = 0.0
    steps: dict[str, StepSeen] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that one side does otherwise. `kind` is outcome, answers, status, shape, queries, spans or events."""

    step: str
    kind: str
    left: str
    right: str

    def to_json(self) -> dict[str, str]:
        """Return it as plain data."""
        return asdict(self)
