"""Comparing two observations. Only what is certain counts: what one side showed always and the other never."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from autional_cli.parity.observation import Difference, StepSeen
from autional_cli.parity.shape import agree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from autional_cli.parity.observation import Answer, Observation

MISSING = "(not there)"


def compare(left: Observation, right: Observation) -> list[Difference]:
    """Return every difference in the order of the suite."""
    names = list(dict.fromkeys((*left.steps, *right.steps)))
    found: list[Difference] = []
    for name in names:
        one, other = left.steps.get(name) or StepSeen(name), right.steps.get(name) or StepSeen(name)
        found += compare_step(one, other)
    return found


def compare_step(one: StepSeen, other: StepSeen) -> Iterator[Difference]:
    """Yield how a step differs. Where its outcome does, the rest follows from that and is not told."""
    if one.outcome != other.outcome:
        sides = [f"{side.outcome}: {side.error}" if side.error else side.outcome for side in (one, other)]
        yield Difference(one.name, "outcome", *sides)
        return
    if not one.walks:
        return
    yield from _answers(one, other)
    yield from _traces(one, other)
    yield from _queries(one, other)


def _answers(one: StepSeen, other: StepSeen) -> Iterator[Difference]:
    left, right = one.walks[-1].answers, other.walks[-1].answers
    if _asked(left) != _asked(right):
        yield Difference(one.name, "answers", _listed(left), _listed(right))
        return
    for number, (mine, theirs) in enumerate(zip(left, right, strict=True)):
        what = f"{mine.method} {mine.path}"
        ours, yours = _at(one, number, left), _at(other, number, right)
        if not {answer.status for answer in ours} & {answer.status for answer in yours}:
            yield Difference(one.name, "status", f"{what} {mine.status}", f"{what} {theirs.status}")
        elif not any(agree(answer.shape, another.shape) for answer in ours for another in yours):
            yield Difference(one.name, "shape", f"{what} {_text(mine.shape)}", f"{what} {_text(theirs.shape)}")


def _asked(answers: list[Answer]) -> list[tuple[str, str]]:
    return [(answer.method, answer.path) for answer in answers]


def _at(seen: StepSeen, number: int, like: list[Answer]) -> list[Answer]:
    """Return how one request was answered in every walk that asked the same."""
    return [walk.answers[number] for walk in seen.walks if _asked(walk.answers) == _asked(like)]


def _traces(one: StepSeen, other: StepSeen) -> Iterator[Difference]:
    if any(walk.untraced for walk in (*one.walks, *other.walks)):
        said = [next((walk.untraced for walk in side.walks if walk.untraced), "complete") for side in (one, other)]
        if said[0] != said[1] and "complete" in said:
            yield Difference(one.name, "trace", *said)
        return
    for what in ("events", "spans"):
        for item in sorted(one.always(what) - other.ever(what)):
            yield Difference(one.name, what, _named(item), MISSING)
        for item in sorted(other.always(what) - one.ever(what)):
            yield Difference(one.name, what, MISSING, _named(item))


def _queries(one: StepSeen, other: StepSeen) -> Iterator[Difference]:
    left, right = one.queries(), other.queries()
    if any(walk.untraced for walk in (*one.walks, *other.walks)):
        return
    for service in sorted({*left, *right}):
        (low, high), (lower, higher) = left.get(service, (0, 0)), right.get(service, (0, 0))
        if high < lower or higher < low:
            yield Difference(
                one.name, "queries", f"{service} {_range(low, high)}", f"{service} {_range(lower, higher)}"
            )


def _range(low: int, high: int) -> str:
    return str(low) if low == high else f"{low} to {high}"


def _named(item: Any) -> str:
    return item if isinstance(item, str) else f"{item[0]} {item[1]} {item[2]}"


def _listed(answers: list[Answer]) -> str:
    return ", ".join(map(str, answers)) or "no request"


def _text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
