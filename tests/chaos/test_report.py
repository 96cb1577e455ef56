"""The exit code and the words of a report follow from what was found."""

from __future__ import annotations

from autional_cli.chaos.catalogue import Order
from autional_cli.chaos.drill import Finding
from autional_cli.chaos.report import exit_code, report, rows, summary
from autional_cli.errors import ExitCode
from autional_cli.load.account import Account, Discrepancy
from autional_cli.load.records import Records, StepRun

LOST = Discrepancy(what="not applied", type="user.created", where="profile", trace_id="abc")


def finding(*oks: tuple[float, bool], account: Account | None = None) -> Finding:
    """A fault from 10 to 20, watched until 30, and steps of 100 ms at the given moments."""
    steps = [StepRun(capability="mfa.factors", at=at, ms=100, ok=ok, error="" if ok else "broke") for at, ok in oks]
    return Finding(
        order=Order(drill="stop", targets=("mfa",)),
        units=("mfa",),
        ended_by="time",
        loaded=5,
        began=10,
        undone=20,
        watched_until=20,
        ended=30,
        records=Records(steps=steps),
        account=account or Account(),
    )


def test_recovered_and_nothing_lost_is_0_with_the_time_it_took() -> None:
    found = finding((6, True), (12, False), (21, False), (22, True), (29, True))
    assert exit_code(found) is ExitCode.OK
    (capability,) = report(found)["capabilities"]
    assert capability["verdict"] == "failed"
    assert capability["recovery_s"] == 2.1
    assert [capability[phase]["success"] for phase in ("before", "during", "after")] == [1.0, 0.0, 0.6667]


def test_what_still_fails_at_the_end_is_6_and_named() -> None:
    found = finding((6, True), (12, False), (28, True), (29.5, False))
    assert exit_code(found) is ExitCode.SERVICE_FAILED
    assert rows(report(found))[0][-1] == "NOT BACK"


def test_what_was_not_tried_again_is_not_taken_as_recovered() -> None:
    assert exit_code(finding((6, True), (12, False))) is ExitCode.SERVICE_FAILED


def test_a_lost_message_is_8_whatever_recovered_and_named_with_its_trace() -> None:
    found = finding((6, True), (25, True), account=Account(lost=[LOST]))
    assert exit_code(found) is ExitCode.DRAIN_INCOMPLETE
    assert any("user.created" in line and "autional trace abc" in line for line in summary(found, report(found)))


def test_a_store_that_could_not_be_read_is_not_taken_as_balanced() -> None:
    found = finding((25, True), account=Account(unreadable={"audit": "refused"}))
    assert exit_code(found) is ExitCode.DRAIN_INCOMPLETE


def test_a_step_under_way_when_the_fault_came_counts_as_during() -> None:
    (capability,) = report(finding((9.95, False), (25, True)))["capabilities"]
    assert capability["before"]["steps"] == 0
    assert capability["during"]["success"] == 0.0
