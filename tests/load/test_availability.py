"""Windows, verdicts and recovery times from records alone."""

from __future__ import annotations

from autional_cli.load.availability import by_capability, per_second, phases, recovery_s, verdict, window_of
from autional_cli.load.records import Outcome, Records, Request, StepRun
from autional_cli.load.walker import outcome_of


def run(at: float, *, ok: bool = True, ms: float = 10, capability: str = "mfa.factors") -> StepRun:
    return StepRun(capability=capability, at=at, ms=ms, ok=ok)


def test_seconds_are_counted_from_the_beginning_of_steps() -> None:
    seconds = per_second([run(0.1), run(0.9, ok=False), run(2.5)], 0, 3)
    assert [(second["steps"], second["ok"]) for second in seconds[:3]] == [(2, 1), (0, 0), (1, 1)]
    assert seconds[1]["success"] is None


def test_a_step_belongs_to_the_fault_it_ran_into() -> None:
    before, during, after = phases([run(1), run(9.9, ms=500), run(12), run(20)], 10, 20)
    assert (before.steps, during.steps, after.steps) == (1, 2, 1)


def test_recovery_counts_from_the_undoing_to_the_first_good_end_after_the_last_failure() -> None:
    runs = [run(9), run(11, ok=False), run(20.2), run(20.5, ok=False), run(21, ms=500), run(29)]
    assert recovery_s(runs, 10, 20, 30) == 1.5


def test_what_never_failed_needed_no_recovery() -> None:
    assert recovery_s([run(9, ok=False), run(12), run(22)], 10, 20, 30) == 0.0


def test_what_failed_a_moment_before_the_end_has_not_recovered() -> None:
    assert recovery_s([run(11, ok=False), run(21), run(29, ok=False), run(29.5)], 10, 20, 30) is None


def test_many_times_slower_is_degraded_although_every_answer_came() -> None:
    assert verdict(window_of([run(1, ms=20)]), window_of([run(2, ms=400)])) == "degraded"
    assert verdict(window_of([run(1, ms=2)]), window_of([run(2, ms=9)])) == "answered"
    assert verdict(window_of([run(1)]), window_of([run(2), run(3, ok=False), run(4, ok=False)])) == "failed"
    assert verdict(window_of([run(1)]), window_of([])) == "not tried"


def test_capabilities_are_kept_apart_in_order() -> None:
    found = by_capability([run(2, capability="b.x"), run(1, capability="b.x"), run(3, capability="a.y")])
    assert [(name, [r.at for r in runs]) for name, runs in found.items()] == [("a.y", [3]), ("b.x", [1, 2])]


def test_sent_is_the_sum_of_answered_refused_and_failed() -> None:
    enveloped = {"error": "X", "trace_id": "t"}
    outcomes = [outcome_of(200, {}), outcome_of(404, enveloped), outcome_of(404, {}), outcome_of(503, enveloped)]
    assert outcomes == [Outcome.ANSWERED, Outcome.REFUSED, Outcome.FAILED, Outcome.FAILED]
    requests = [Request(capability="a", method="GET", path="/", at=0, ms=1, outcome=outcome) for outcome in outcomes]
    assert Records(requests=requests).count() == {"sent": 4, "answered": 1, "refused": 1, "turned_away": 0, "failed": 2}
