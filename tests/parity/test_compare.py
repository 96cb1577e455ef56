"""What counts as a difference between two sides, and what is only chance."""

from __future__ import annotations

import pytest

from autional_cli.parity.compare import compare
from autional_cli.parity.observation import Answer, Observation, Seen, StepSeen
from autional_cli.parity.shape import agree, shape, template

SPAN = ("identity", "client", "SELECT users")
OTHER = ("identity", "client", "INSERT users")


def side(*walks: Seen, step: str = "a.step") -> Observation:
    """Return an observation of one step."""
    return Observation("one", "embedded", "full", steps={step: StepSeen(step, list(walks))})


def seen(**given: object) -> Seen:
    """Return a walk that went well, except for what is given."""
    known = {"ok": True, "answers": [Answer("GET", "/a", 200, {"id": "uuid"})], "spans": {SPAN}, "queries": {"a": 2}}
    return Seen(**{**known, **given})  # type: ignore[arg-type]


def told(left: Observation, right: Observation) -> list[str]:
    """Return the kinds of the differences, which must be the same the other way round."""
    kinds = [difference.kind for difference in compare(left, right)]
    assert sorted(kinds) == sorted(difference.kind for difference in compare(right, left))
    return kinds


def test_what_is_the_same_does_not_differ() -> None:
    assert told(side(seen(), seen()), side(seen(), seen())) == []


@pytest.mark.parametrize(
    ("other", "kind"),
    [
        ({"ok": False, "error": "no"}, "outcome"),
        ({"answers": []}, "answers"),
        ({"answers": [Answer("GET", "/a", 404, {"id": "uuid"})]}, "status"),
        ({"answers": [Answer("GET", "/a", 200, {"id": "text"})]}, "shape"),
        ({"events": {"user.created"}}, "events"),
        ({"spans": {SPAN, OTHER}}, "spans"),
        ({"queries": {"a": 3}}, "queries"),
        ({"queries": {"a": 2, "b": 1}}, "queries"),
        ({"untraced": "incomplete"}, "trace"),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(value),
)
def test_a_certain_difference_is_told_once(other: dict[str, object], kind: str) -> None:
    assert told(side(seen(), seen()), side(seen(**other), seen(**other))) == [kind]


@pytest.mark.parametrize(
    "other",
    [
        {"spans": {SPAN, OTHER}},
        {"queries": {"a": 1}},
        {"events": {"user.created"}},
        {"answers": [Answer("GET", "/a", 200, {"id": "text"})]},
        {"answers": [Answer("GET", "/a", 503, {"id": "uuid"})]},
    ],
    ids="-".join,
)
def test_what_only_some_walks_show_is_chance(other: dict[str, object]) -> None:
    """A cache that was warm, for instance."""
    assert told(side(seen(), seen()), side(seen(**other), seen())) == []


def test_a_step_that_one_side_lacks_is_a_difference_of_outcome() -> None:
    [difference] = compare(side(seen()), Observation("two", "docker", "full"))
    assert (difference.left, difference.right) == ("ok", "skipped")


def test_a_failure_that_both_sides_share_is_no_difference() -> None:
    assert told(side(seen(ok=False, error="no")), side(seen(ok=False, error="nope"))) == []


def test_shapes_know_ids_and_zones_and_forget_values() -> None:
    one = shape({"id": "01a20324-f4bb-703d-be1b-63bb16e80f00", "at": "2026-11-22T12:00:00.5Z", "n": 1, "x": None})
    assert one == {"id": "uuid", "at": "time with Z", "n": "integer", "x": "null"}
    assert shape({"at": "2026-11-22T12:00:00+00:00"}) == {"at": "time with +00:00"}
    assert shape([1, 2, "a"]) == ["integer", "text"]
    assert shape(True) == "boolean"


def test_an_empty_list_agrees_with_any_list_and_nothing_else() -> None:
    assert agree({"a": shape([])}, {"a": shape([1])})
    assert not agree({"a": shape([])}, {"a": "text"})
    assert not agree({"a": shape([1])}, {"a": shape(["a"])})


def test_paths_are_compared_without_what_is_different_each_time() -> None:
    path = "/api/v1/mfa/factors/01a20324-f4bb-703d-be1b-63bb16e80f00?limit=2&cursor=eyJzZXEiOjE3fQ"
    assert template(path) == "/api/v1/mfa/factors/{id}?cursor&limit"
    assert template("/api/v1/identity/login") == "/api/v1/identity/login"
