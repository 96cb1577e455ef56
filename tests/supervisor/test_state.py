from __future__ import annotations

import asyncio

import pytest

from autional_cli.supervisor.process import Exit
from autional_cli.supervisor.state import NEXT, Board, State, Unit


def board(*units: Unit) -> Board:
    made = Board(clock=lambda: 7.0)
    for unit in units:
        made.add(unit)
    return made


def test_a_unit_goes_from_pending_to_stopped_by_way_of_every_state() -> None:
    made = board(Unit(name="a"))
    for state in (State.STARTING, State.READY, State.DRAINING, State.STOPPED):
        made.move("a", state)
    assert [change.new.state.value for change in made.history] == [
        "pending",
        "starting",
        "ready",
        "draining",
        "stopped",
    ]
    assert made["a"].since == 7.0


@pytest.mark.parametrize("old", list(State))
@pytest.mark.parametrize("new", list(State))
def test_only_transitions_of_the_machine_are_possible(old: State, new: State) -> None:
    made = board(Unit(name="a", state=old))
    if new in NEXT[old]:
        assert made.move("a", new).state is new
    else:
        with pytest.raises(ValueError, match=f"cannot go from {old} to {new}"):
            made.move("a", new)


def test_a_name_is_taken_once() -> None:
    with pytest.raises(ValueError, match="already"):
        board(Unit(name="a"), Unit(name="a"))


def test_details_without_news_are_not_published() -> None:
    made = board(Unit(name="a"))
    made.detail("a", status="x")
    made.detail("a", status="x")
    assert len(made.history) == 2


def test_the_first_failing_ancestor_is_the_deepest_one() -> None:
    made = board(
        Unit(name="db", state=State.FAILED, reason="disk"),
        Unit(name="identity", needs=("db",), state=State.PENDING),
        Unit(name="gateway", calls=("identity",), state=State.FAILED, reason="no identity"),
    )
    found = made.first_failing("gateway")
    assert found is not None
    assert found.name == "db"


def test_a_cycle_of_calls_has_a_first_failing_unit_all_the_same() -> None:
    made = board(Unit(name="a", calls=("b",), state=State.READY), Unit(name="b", calls=("a",), state=State.FAILED))
    found = made.first_failing("a")
    assert found is not None
    assert found.name == "b"


def test_a_unit_that_came_back_is_not_failing() -> None:
    made = board(Unit(name="a", state=State.READY, reason="killed by SIGKILL"))
    assert made.first_failing("a") is None


async def test_until_returns_when_the_state_is_reached() -> None:
    made = board(Unit(name="a"))
    waiting = asyncio.create_task(made.until(lambda b: b["a"].state is State.READY))
    await asyncio.sleep(0)
    made.move("a", State.STARTING)
    made.move("a", State.READY)
    await asyncio.wait_for(waiting, 1)


async def test_a_subscriber_sees_changes_in_order() -> None:
    made = board(Unit(name="a"))
    with made.subscribe() as changes:
        made.move("a", State.STARTING)
        made.detail("a", pid=4)
        seen = [await changes.next(), await changes.next()]
    assert [(c.old, c.new.state, c.new.pid) for c in seen] == [
        (State.PENDING, State.STARTING, None),
        (State.STARTING, State.STARTING, 4),
    ]


@pytest.mark.parametrize(
    ("how", "words"),
    [
        (Exit(code=3), "exited with status 3"),
        (Exit(signal=9), "killed by SIGKILL (kill -9, or the kernel ran out of memory)"),
        (Exit(signal=250), "killed by signal 250"),
        (Exit(), "ended; its exit status is unknown because the zygote died first"),
        (Exit.from_returncode(-15), "killed by SIGTERM"),
        (Exit.from_status(9), "killed by SIGKILL (kill -9, or the kernel ran out of memory)"),
        (Exit.from_status(256), "exited with status 1"),
    ],
)
def test_an_exit_is_described_in_words(how: Exit, words: str) -> None:
    assert how.describe() == words
