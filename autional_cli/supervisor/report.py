"""The state of a platform as JSON, version 1 (design: CLI). Scripts depend on it: only add keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from autional_cli.supervisor.state import State

if TYPE_CHECKING:
    from collections.abc import Iterable

    from autional_cli.plan import Topology, UnitDef
    from autional_cli.supervisor.platform import Platform
    from autional_cli.supervisor.state import Board, Unit

WORST = (State.FAILED, State.UNHEALTHY, State.DRAINING, State.STARTING, State.PENDING, State.STOPPED, State.READY)


def overall(states: Iterable[State]) -> State:
    """Return the one state that describes them all: the worst. Nothing at all is `stopped`."""
    seen = set(states)
    found = next((state for state in WORST if state in seen), State.STOPPED)
    return State.STARTING if found is State.PENDING else found


def redacted(url: str) -> str:
    """Return `url` with its password hidden."""
    parts = urlsplit(url)
    if not parts.password:
        return url
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{parts.username or ''}:***@{host}"))


def empty(instance: str) -> dict[str, Any]:
    """Return the state of an instance that does not run."""
    return {"schema": 1, "instance": instance, "state": "stopped", "driver": "", "elapsed_ms": 0, "gateway": ""} | {
        "dashboard": "",
        "services": [],
        "resources": [],
        "timings": [],
    }


def report(platform: Platform, topology: Topology, *, instance: str) -> dict[str, Any]:
    """Return the whole platform."""
    board = platform.board
    timings = platform.timeline.to_json()
    return {
        "schema": 1,
        "instance": instance,
        "state": overall(unit.state for unit in board).value,
        "driver": topology.driver,
        "elapsed_ms": max((t["start_ms"] + t["duration_ms"] for t in timings), default=0),
        "gateway": topology.gateway,
        "dashboard": topology.dashboard,
        "services": services(platform),
        "resources": [resource(d, board[d.name]) for d in platform.definitions() if d.kind == "resource"],
        "timings": timings,
        "others": [other(d, board[d.name]) for d in platform.definitions() if d.kind in ("platform", "task")],
    }


def services(platform: Platform) -> list[dict[str, Any]]:
    """Return the services, each with its replicas."""
    grouped: dict[str, list[UnitDef]] = {}
    for definition in platform.definitions():
        if definition.kind == "service":
            grouped.setdefault(definition.service or definition.name, []).append(definition)
    board = platform.board
    return [
        {
            "name": name,
            "state": overall(board[d.name].state for d in definitions).value,
            "url": definitions[0].url,
            "replicas": [{**replica(board[d.name]), "url": d.url, "lacks": lacks(board, d)} for d in definitions],
        }
        for name, definitions in grouped.items()
    ]


def lacks(board: Board, definition: UnitDef) -> list[str]:
    """Return what a replica needs that is not ready, each with its state."""
    return [f"{need} is {board[need].state}" for need in definition.needs if board[need].state is not State.READY]


def replica(unit: Unit) -> dict[str, Any]:
    """Return one process of a service."""
    found = {"name": unit.name, "pid": unit.pid, "state": unit.state.value, "restarts": unit.restarts}
    return found | {"since": round(unit.since, 3), "status": unit.status, "reason": unit.reason}


def resource(definition: UnitDef, unit: Unit) -> dict[str, Any]:
    """Return one backing resource; its URL is the operator's, without the password."""
    assert definition.resource is not None
    found = {"name": unit.name, "driver": definition.resource.driver, "version": definition.resource.version}
    return found | {"state": unit.state.value, "url": redacted(definition.url), **_process(unit)}


def other(definition: UnitDef, unit: Unit) -> dict[str, Any]:
    """Return a process of the platform itself, or a task."""
    return {"name": unit.name, "kind": unit.kind, "state": unit.state.value, "url": definition.url, **_process(unit)}


def _process(unit: Unit) -> dict[str, Any]:
    return {"pid": unit.pid, "restarts": unit.restarts, "status": unit.status, "reason": unit.reason} | {
        "since": round(unit.since, 3)
    }
