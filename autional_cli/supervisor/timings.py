"""What a start spent its time on, and which of its steps made it as long as it was."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@dataclass(frozen=True, slots=True)
class Step:
    """A named piece of the start, in seconds since its beginning, and the steps it had to wait for."""

    name: str
    start: float
    end: float
    after: tuple[str, ...] = ()


def critical_path(steps: Iterable[Step]) -> tuple[str, ...]:
    """Return the chain of steps that ends last: from the last one back through whichever predecessor ended last."""
    by_name = {step.name: step for step in steps}
    step = max(by_name.values(), key=lambda s: s.end, default=None)
    path: list[str] = []
    while step and step.name not in path:
        path.append(step.name)
        before = [by_name[name] for name in step.after if name in by_name]
        step = max(before, key=lambda s: s.end, default=None)
    return tuple(reversed(path))


class Timeline:
    """Collects the steps of one start. `began` is a reading of time.time()."""

    def __init__(self, began: float | None = None) -> None:
        self._origin = time.monotonic() - (max(0.0, time.time() - began) if began else 0.0)
        self._steps: dict[str, Step] = {}
        self._last: dict[str, str] = {}

    def now(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self._origin

    def record(self, name: str, start: float, end: float, after: Iterable[str] = ()) -> None:
        """Record a step under `unit.what`; a repetition (a restart) is not part of the start."""
        if name in self._steps:
            return
        unit = name.partition(".")[0]
        self._steps[name] = Step(name, start, end, tuple(after))
        self._last[unit] = name

    @contextmanager
    def step(self, name: str, *, units: Iterable[str] = (), steps: Iterable[str] = ()) -> Iterator[None]:
        """Record the block as a step that waited for `steps`, for those of `units`, and for its own unit's."""
        waited = [*units, name.partition(".")[0]]
        after = [*steps, *(self._last[unit] for unit in waited if unit in self._last)]
        start = self.now()
        yield
        self.record(name, start, self.now(), after)

    def to_json(self) -> list[dict[str, Any]]:
        """Return the steps in order of their start."""
        critical = critical_path(self._steps.values())
        return [
            {
                "step": step.name,
                "start_ms": round(step.start * 1000),
                "duration_ms": round((step.end - step.start) * 1000),
                "critical": step.name in critical,
            }
            for step in sorted(self._steps.values(), key=lambda s: s.start)
        ]
