"""How well each capability was served: in each second, before, during and after something, and when it was back."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from autional_cli.load.records import StepRun

NOTICED = 0.99  # a share of good steps below which a capability suffered
SLOWED = 3.0  # a median this many times that of before, and this much longer, is degraded as well
SLOWED_MS = 50.0
CALM_S = 1.5  # without a failure, before a recovery is believed


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Steps of one capability; `success` is None if there were none."""

    steps: int
    ok: int
    p50_ms: float
    p99_ms: float

    @property
    def success(self) -> float | None:
        """The share of steps that went well."""
        return self.ok / self.steps if self.steps else None

    def to_json(self) -> dict[str, Any]:
        """Return it for a report."""
        share = None if self.success is None else round(self.success, 4)
        return {"steps": self.steps, "ok": self.ok, "success": share, "p50_ms": self.p50_ms, "p99_ms": self.p99_ms}


def window(runs: Iterable[StepRun], since: float, until: float) -> Window:
    """Return the window of the runs that began in [since, until), in Unix seconds."""
    return window_of([run for run in runs if since <= run.at < until])


def phases(runs: Sequence[StepRun], fault: float, over: float) -> tuple[Window, Window, Window]:
    """Return the windows before, during and after a fault; what was under way when it came belongs to `during`."""
    before = [run for run in runs if run.ended < fault]
    after = [run for run in runs if run.at >= over]
    during = [run for run in runs if run.ended >= fault and run.at < over]
    return window_of(before), window_of(during), window_of(after)


def window_of(inside: Sequence[StepRun]) -> Window:
    """Return the window that holds exactly `inside`."""
    return Window(steps=len(inside), ok=sum(run.ok for run in inside), **quantiles([run.ms for run in inside]))


def quantiles(ms: Sequence[float]) -> dict[str, float]:
    """Return `p50_ms` and `p99_ms`, 0 of nothing."""
    times = sorted(ms)
    return {
        "p50_ms": round(times[len(times) // 2], 1) if times else 0.0,
        "p99_ms": round(times[min(len(times) - 1, int(len(times) * 0.99))], 1) if times else 0.0,
    }


def by_capability(runs: Iterable[StepRun]) -> dict[str, list[StepRun]]:
    """Return the runs of each capability in the order in which they began."""
    found: dict[str, list[StepRun]] = defaultdict(list)
    for run in sorted(runs, key=lambda run: run.at):
        found[run.capability].append(run)
    return dict(sorted(found.items()))


def per_second(runs: Sequence[StepRun], since: float, until: float) -> list[dict[str, Any]]:
    """Return a window for each second from `since` to `until`."""
    seconds = max(0, round(until - since + 0.5))
    return [{"second": n, **window(runs, since + n, since + n + 1).to_json()} for n in range(seconds)]


def recovery_s(runs: Sequence[StepRun], fault: float, undone: float, until: float) -> float | None:
    """Return how long after `undone` a capability was well again for good; 0 if it never suffered after it.

    None if a step failed within CALM_S of `until`, or if it was not tried since: nothing shows that it is back.
    """
    hurt = [run for run in runs if run.ended >= fault and not run.ok]
    if not any(run.at >= undone for run in runs):
        return None if hurt else 0.0
    if not hurt:
        return 0.0
    last = max(run.ended for run in hurt)
    well = [run for run in runs if run.at > hurt[-1].at] if last < until - CALM_S else []
    if not well:
        return None
    return round(max(0.0, well[0].ended - undone), 3)


def verdict(before: Window, during: Window) -> str:
    """Return `answered`, `degraded`, `failed`, or `not tried`, for what a capability did during a fault."""
    if during.success is None:
        return "not tried"
    if during.success < 0.5:
        return "failed"
    slow = during.p50_ms > SLOWED * before.p50_ms and during.p50_ms - before.p50_ms > SLOWED_MS
    return "degraded" if during.success < NOTICED or (before.steps and slow) else "answered"
