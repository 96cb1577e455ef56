"""Graphs of services, against what can be worked out by hand and against random ones."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autional_cli.workspace import graph
from autional_cli.workspace.model import ServiceEntry, Stack

from .made import SPECS

EDGES = {
    "gateway": ("identity", "session"),
    "identity": ("session", "mfa"),
    "session": (),
    "mfa": ("session",),
    "audit": (),
}


def test_a_subgraph_is_what_the_named_services_need() -> None:
    assert set(graph.subgraph(EDGES, ["mfa"])) == {"mfa", "session"}
    assert set(graph.subgraph(EDGES, ["gateway"])) == {"gateway", "identity", "session", "mfa"}
    assert set(graph.subgraph(EDGES, ["audit", "session"])) == {"audit", "session"}
    with pytest.raises(KeyError):
        graph.subgraph(EDGES, ["nobody"])


def test_levels_put_a_service_after_what_it_needs() -> None:
    assert graph.levels(EDGES) == (("session", "audit"), ("mfa",), ("identity",), ("gateway",))
    assert graph.order(EDGES) == ("session", "audit", "mfa", "identity", "gateway")


def test_what_is_not_in_the_graph_counts_as_there() -> None:
    assert graph.levels({"a": ("outside",)}) == (("a",),)


def test_ancestors_come_nearest_first() -> None:
    assert graph.ancestors(EDGES, "gateway") == ("identity", "session", "mfa")
    assert graph.ancestors(EDGES, "audit") == ()


def test_a_cycle_is_named_from_its_first_member_back_to_it() -> None:
    with pytest.raises(graph.CycleError, match="b → c → b") as caught:
        graph.order({"a": ("b",), "b": ("c",), "c": ("b",)})
    assert caught.value.cycle == ("b", "c", "b")


def test_a_long_chain_is_no_problem() -> None:
    chain = {str(number): (str(number + 1),) for number in range(5000)}
    assert graph.find_cycle(chain) is None


def test_dependencies_join_calls_and_needs_inside_the_stack() -> None:
    stack = Stack(
        name="x",
        path=Path("x"),
        services={
            "gateway": ServiceEntry(needs=("mfa", "identity")),
            "identity": ServiceEntry(),
            "mfa": ServiceEntry(),
        },
        resources={},
    )
    assert graph.dependencies(SPECS, stack) == {"gateway": ("identity", "mfa"), "identity": (), "mfa": ()}


NAMES = st.sampled_from("abcdefg")
GRAPHS = st.dictionaries(NAMES, st.lists(NAMES, max_size=4))


@given(GRAPHS)
def test_either_an_order_exists_or_a_cycle_is_shown(edges: dict[str, list[str]]) -> None:
    cycle = graph.find_cycle(edges)
    if cycle:
        assert cycle[0] == cycle[-1]
        assert all(second in edges[first] for first, second in pairwise(cycle))
    else:
        order = graph.order(edges)
        assert sorted(order) == sorted(edges)
        assert all(order.index(need) < order.index(name) for name in edges for need in edges[name] if need in edges)
