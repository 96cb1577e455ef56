from __future__ import annotations

from autional_cli.supervisor.timings import Step, Timeline, critical_path


def test_the_critical_path_follows_whichever_predecessor_ended_last() -> None:
    steps = [
        Step("boot", 0, 1),
        Step("zygote.import", 0, 8, ("boot",)),
        Step("db.start", 1, 3, ("boot",)),
        Step("migrations.run", 8, 9, ("db.start", "zygote.import")),
        Step("identity.start", 9, 10, ("migrations.run",)),
        Step("cache.start", 1, 2, ("boot",)),
    ]
    assert critical_path(steps) == ("boot", "zygote.import", "migrations.run", "identity.start")


def test_no_steps_have_no_critical_path() -> None:
    assert critical_path([]) == ()


def test_steps_that_name_each_other_end() -> None:
    assert critical_path([Step("a", 0, 1, ("b",)), Step("b", 0, 1, ("a",))]) in {("b", "a"), ("a", "b")}


def test_a_timeline_chains_the_steps_of_a_unit_and_ignores_repetitions() -> None:
    line = Timeline()
    with line.step("db.prepare"):
        pass
    with line.step("db.start"):
        pass
    with line.step("identity.start", units=("db",)):
        pass
    with line.step("db.start"):
        pass
    assert [(step["step"], step["critical"]) for step in line.to_json()] == [
        ("db.prepare", True),
        ("db.start", True),
        ("identity.start", True),
    ]


def test_a_timeline_counts_from_when_the_person_asked() -> None:
    import time

    assert Timeline(time.time() - 2).now() >= 2
