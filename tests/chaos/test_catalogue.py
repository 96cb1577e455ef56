"""What a person may type, and what they are told otherwise."""

from __future__ import annotations

import pytest

from autional_cli.chaos.catalogue import duration, ordered
from autional_cli.errors import AutionalError, ExitCode


def order(drill: str, *targets: str, for_s: float = 1, ms: float = 300, rate: float = 0.2) -> str:
    return ordered(drill, targets, for_s=for_s, ms=ms, rate=rate).title


@pytest.mark.parametrize(("text", "seconds"), [("10s", 10), ("500ms", 0.5), ("2m", 120), ("3", 3), (" 1.5s ", 1.5)])
def test_a_duration_has_a_unit_or_means_seconds(text: str, seconds: float) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-1s", "1h", "nan", "inf", "1e9", "10 s 5"])
def test_what_is_no_duration_is_refused_with_examples(text: str) -> None:
    with pytest.raises(AutionalError) as refused:
        duration(text)
    assert refused.value.exit_code is ExitCode.USAGE
    assert "500ms" in str(refused.value.hint)


def test_a_drill_that_there_is_not_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(AutionalError, match="did you mean 'latency'"):
        order("latancy", "profile")


@pytest.mark.parametrize(
    ("drill", "targets"),
    [("latency", ()), ("latency", ("a", "b")), ("cut", ("a",)), ("pause-database", ("a",)), ("disk-full", ("x",))],
)
def test_too_many_or_too_few_targets_are_refused_with_the_right_form(drill: str, targets: tuple[str, ...]) -> None:
    with pytest.raises(AutionalError) as refused:
        order(drill, *targets)
    assert f"autional chaos {drill}" in str(refused.value.hint)


def test_a_link_has_two_different_ends() -> None:
    with pytest.raises(AutionalError, match="two different"):
        order("cut", "mfa", "mfa")


@pytest.mark.parametrize(
    ("option", "values"),
    [
        ("--for", {"for_s": 0.0}),
        ("--for", {"for_s": 3600.0}),
        ("--for", {"for_s": float("nan")}),
        ("--ms", {"ms": 0.0}),
        ("--ms", {"ms": -5.0}),
        ("--rate", {"rate": 1.5}),
        ("--rate", {"rate": 0.0}),
    ],
)
def test_a_value_out_of_range_is_refused_by_its_option(option: str, values: dict[str, float]) -> None:
    with pytest.raises(AutionalError, match=option) as refused:
        order("errors", "mfa", **values)
    assert refused.value.exit_code is ExitCode.USAGE
