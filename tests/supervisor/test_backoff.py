from __future__ import annotations

from autional_cli.supervisor.backoff import Backoff


def test_delays_double_up_to_the_most() -> None:
    backoff = Backoff(first_s=0.1, most_s=5)
    delays = [backoff.crashed(now=float(i), ready_for=1.0) for i in range(8)]
    assert delays == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5, 5]


def test_a_long_ready_time_begins_anew() -> None:
    backoff = Backoff()
    for _ in range(4):
        backoff.crashed(now=0, ready_for=1)
    assert backoff.crashed(now=100, ready_for=30) == 0.1


def test_five_crashes_without_being_ready_are_enough() -> None:
    backoff = Backoff()
    outcomes = [backoff.crashed(now=float(i), ready_for=None) for i in range(5)]
    assert outcomes[-1] is None
    assert None not in outcomes[:-1]


def test_crashes_far_apart_are_not_counted_together() -> None:
    backoff = Backoff()
    assert None not in [backoff.crashed(now=i * 10.0, ready_for=None) for i in range(20)]


def test_being_ready_in_between_keeps_it_going() -> None:
    backoff = Backoff()
    assert None not in [backoff.crashed(now=float(i), ready_for=0.5 if i % 3 == 0 else None) for i in range(20)]
