"""Who needs whom, as pure functions on `{name: names it depends on}`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autional_cli.workspace.model import Stack
    from services.chassis.spec import ServiceSpec

Edges = Mapping[str, Collection[str]]


class CycleError(ValueError):
    """A dependency that leads back to itself; `cycle` begins and ends with the same name."""

    def __init__(self, cycle: tuple[str, ...]) -> None:
        super().__init__(" → ".join(cycle))
        self.cycle = cycle


def dependencies(specs: Mapping[str, ServiceSpec], stack: Stack) -> dict[str, tuple[str, ...]]:
    """Return what each service of the stack depends on inside the stack: what it calls, and the stack's `needs`."""
    return {
        name: tuple(
            other
            for other in dict.fromkeys((*specs[name].calls, *entry.needs))
            if other in stack.services and other != name
        )
        for name, entry in stack.services.items()
    }


def subgraph(edges: Edges, names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return the part of the graph that `names` need, themselves included; KeyError for a name it does not have."""
    wanted: dict[str, tuple[str, ...]] = {}
    pending = list(names)
    while pending:
        name = pending.pop()
        if name not in wanted:
            wanted[name] = tuple(edges[name])
            pending.extend(wanted[name])
    return wanted


def ancestors(edges: Edges, name: str) -> tuple[str, ...]:
    """Return everything `name` depends on, nearest first, each once."""
    found: dict[str, None] = {}
    frontier = [name]
    while frontier:
        following = [other for node in frontier for other in edges.get(node, ())]
        frontier = [other for other in dict.fromkeys(following) if other not in found and other != name]
        found.update(dict.fromkeys(frontier))
    return tuple(found)


def levels(edges: Edges) -> tuple[tuple[str, ...], ...]:
    """Return the names in layers: each depends on earlier layers only. Names outside the graph count as satisfied.

    Raises CycleError.
    """
    refuse_cycle(edges)
    remaining = {name: {other for other in needs if other in edges} for name, needs in edges.items()}
    result: list[tuple[str, ...]] = []
    while remaining:
        layer = tuple(name for name, needs in remaining.items() if not needs)
        result.append(layer)
        remaining = {name: needs.difference(layer) for name, needs in remaining.items() if name not in layer}
    return tuple(result)


def order(edges: Edges) -> tuple[str, ...]:
    """Return the names so that each follows what it depends on; CycleError where that is impossible."""
    return tuple(name for layer in levels(edges) for name in layer)


def refuse_cycle(edges: Edges) -> None:
    """Raise CycleError naming a cycle, if there is one."""
    cycle = find_cycle(edges)
    if cycle:
        raise CycleError(cycle)


def find_cycle(edges: Edges) -> tuple[str, ...] | None:
    """Return a cycle such as `("a", "b", "a")`, or None. Iterative, so a long chain cannot exhaust the stack."""
    done: set[str] = set()
    for start in edges:
        trail: dict[str, None] = {}
        branches = [(start, iter(edges.get(start, ())))] if start not in done else []
        trail.update(dict.fromkeys(name for name, _ in branches))
        while branches:
            name, others = branches[-1]
            other = next(others, None)
            if other is None:
                branches.pop()
                trail.pop(name)
                done.add(name)
            elif other in trail:
                path = tuple(trail)
                return (*path[path.index(other) :], other)
            elif other not in done:
                trail[other] = None
                branches.append((other, iter(edges.get(other, ()))))
    return None
