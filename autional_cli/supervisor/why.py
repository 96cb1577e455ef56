"""Why a unit is as it is: the first thing that failed, how it ended, what it said last, and what to run next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from autional_cli.supervisor.state import RUNNING, Board, State, Unit

if TYPE_CHECKING:
    from collections.abc import Callable

    from autional_cli.plan import UnitDef


def explanation(board: Board, definition: UnitDef, output: Callable[[str], tuple[str, ...]]) -> dict[str, Any]:
    """Return what `autional why` shows for a unit. `cause` is the failing unit it suffers from first, or None.

    `output` returns what a unit that runs said last.
    """
    unit = board[definition.name]
    cause = board.first_failing(unit.name)
    subject = cause or unit
    return {
        "schema": 1,
        "unit": unit.to_json(),
        "cause": cause.to_json() if cause else None,
        "path": path_to(board, unit.name, subject.name),
        "summary": summary(board, unit, cause),
        "exit": subject.exit.describe() if subject.exit else None,
        "waits_for": [need for need in unit.needs if board[need].state is not State.READY],
        "output": list(subject.output or output(subject.name)),
        "next": next_command(subject),
        "history": [change.to_json() for change in board.history if change.new.name == subject.name][-10:],
    }


def summary(board: Board, unit: Unit, cause: Unit | None) -> str:
    """Return the one sentence that answers the question."""
    if cause and cause.name == unit.name:
        return f"{unit.name} is {unit.state}: {unit.reason}"
    if cause and unit.state is State.READY:
        return f"{unit.name} is ready, but {cause.name}, which it depends on, is {cause.state}: {cause.reason}"
    if cause:
        return f"{unit.name} is {unit.state} because {cause.name} is {cause.state}: {cause.reason}"
    if unit.state is State.READY and unit.reason:
        times = "once" if unit.restarts == 1 else f"{unit.restarts} times"
        return f"{unit.name} is ready again; it was restarted {times}, last because it was {was(unit.reason)}"
    waits = [need for need in unit.needs if board[need].state is not State.READY]
    if unit.state is State.PENDING and waits:
        return f"{unit.name} is pending: it waits for {', '.join(waits)}"
    return f"{unit.name} is {unit.state}" + (f": {unit.status}" if unit.status else "")


def was(reason: str) -> str:
    """Return a reason so that it reads on after `because it was`."""
    return reason if reason.startswith("killed") else f"gone: {reason}"


def path_to(board: Board, name: str, goal: str) -> list[str]:
    """Return the chain of needs and calls from `name` to `goal`, both included; only `name` when there is none."""
    trails = [[name]]
    seen = {name}
    while trails:
        trail = trails.pop(0)
        if trail[-1] == goal:
            return trail
        unit = board[trail[-1]]
        for other in (*unit.needs, *unit.calls):
            if other in board and other not in seen:
                seen.add(other)
                trails.append([*trail, other])
    return [name]


def next_command(unit: Unit) -> str:
    """Return the command to run next: what the failure itself advises, unless that is this explanation."""
    if unit.hint and not unit.hint.startswith("autional why"):
        return unit.hint
    if unit.state is State.FAILED:
        return f"fix it, then: autional restart {unit.name}   (an edit of its code restarts it by itself)"
    if unit.state is State.STOPPED:
        return f"autional up {unit.name}"
    if unit.state in RUNNING:
        return f"autional logs {unit.name}"
    return f"autional wait {unit.name}"
