from __future__ import annotations

from pathlib import Path

import pytest

from autional_cli.drivers.base import ProcessSpec
from autional_cli.errors import AutionalError
from autional_cli.plan import Topology, UnitDef, ordered, plan, stop_levels
from autional_cli.supervisor.request import Request


def unit(name: str, **more: object) -> UnitDef:
    process = ProcessSpec(name=name, entry=f"{name}:main", log=Path("/dev/null"))
    return UnitDef(name=name, process=process, **more)  # type: ignore[arg-type]


TOPOLOGY = Topology(
    units=(
        unit("gateway", calls=("identity",), needs=("redis",), ports=(11000,)),
        unit("identity", calls=("session",), needs=("postgres",)),
        unit("session", needs=("postgres", "redis")),
        unit("telemetry", kind="platform"),
        unit("postgres", kind="resource"),
        unit("redis", kind="resource"),
    )
)


def test_the_plan_starts_what_is_needed_first_and_names_what_each_waits_for() -> None:
    steps = plan(TOPOLOGY, {})
    names = [step.unit for step in steps]
    assert names.index("postgres") < names.index("identity")
    assert next(step for step in steps if step.unit == "session").after == ("postgres", "redis")
    assert "after postgres, redis" in str(steps[-1])


def test_what_is_ready_takes_no_step() -> None:
    observed = {"postgres": "ready", "redis": "ready", "telemetry": "ready", "session": "failed"}
    steps = plan(TOPOLOGY, observed)
    assert [step.unit for step in steps] == ["gateway", "identity", "session"]
    assert all(step.after == () for step in steps)


def test_a_ready_platform_needs_no_plan() -> None:
    assert plan(TOPOLOGY, {u.name: "ready" for u in TOPOLOGY.units}) == ()


def test_units_that_need_each_other_are_refused() -> None:
    with pytest.raises(AutionalError, match="a, b"):
        ordered((unit("a", needs=("b",)), unit("b", needs=("a",))))


def test_a_need_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="ghost"):
        Topology(units=(unit("a", needs=("ghost",)),))


def test_a_unit_is_defined_once() -> None:
    with pytest.raises(ValueError, match="twice"):
        Topology(units=(unit("a"), unit("a")))


def test_stopping_goes_from_the_edge_by_way_of_callers_to_the_resources() -> None:
    assert stop_levels(TOPOLOGY.units) == (
        ("gateway",),
        ("identity",),
        ("session",),
        ("telemetry",),
        ("postgres", "redis"),
    )


def test_replicas_stop_together_and_a_cycle_of_calls_does_not_hang() -> None:
    units = (
        unit("a", calls=("b",)),
        unit("a-1", service="a", calls=("b",)),
        unit("b", calls=("a",)),
    )
    assert stop_levels(units) == (("a", "a-1", "b"),)


@pytest.mark.parametrize(
    ("before", "now", "together"),
    [
        (None, Request(services=("a",)), Request(services=("a",))),
        (Request(services=("a",)), Request(services=("b",)), Request(services=("a", "b"))),
        (Request(services=("a",)), Request(), Request()),
        (Request(), Request(services=("a",)), Request()),
        (Request(stack="login"), Request(stack="full"), Request(stack="full")),
        (Request(stack="login"), Request(), Request(stack="login")),
    ],
)
def test_a_second_up_adds_and_never_takes_away(before: Request | None, now: Request, together: Request) -> None:
    assert now.merged_with(before) == together
