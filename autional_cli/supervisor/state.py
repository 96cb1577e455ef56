"""One state machine per unit, and the board that every view reads: `ps`, `wait`, `why`, the dashboard, JSON."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from autional_cli.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from autional_cli.plan import Kind
    from autional_cli.supervisor.process import Exit


class State(StrEnum):
    """Where a unit stands."""

    PENDING = "pending"
    STARTING = "starting"
    READY = "ready"
    UNHEALTHY = "unhealthy"
    DRAINING = "draining"
    STOPPED = "stopped"
    FAILED = "failed"


# A crash takes a unit from ready (or starting) back to starting; only a unit that is not running may become pending.
# Unhealthy runs and was ready, and gives no sign of life or cannot write; it is ready again when that is over (ADR 29).
NEXT: dict[State, frozenset[State]] = {
    State.PENDING: frozenset({State.STARTING, State.STOPPED, State.FAILED}),
    State.STARTING: frozenset({State.STARTING, State.READY, State.DRAINING, State.STOPPED, State.FAILED}),
    State.READY: frozenset({State.UNHEALTHY, State.STARTING, State.DRAINING, State.FAILED}),
    State.UNHEALTHY: frozenset({State.READY, State.STARTING, State.DRAINING, State.FAILED}),
    State.DRAINING: frozenset({State.STOPPED, State.FAILED}),
    State.STOPPED: frozenset({State.PENDING, State.STARTING}),
    State.FAILED: frozenset({State.PENDING, State.STARTING, State.DRAINING, State.STOPPED}),
}
RUNNING = frozenset({State.READY, State.UNHEALTHY})


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """What is known about one unit. `since` is when it entered `state`, in Unix seconds."""

    name: str
    kind: Kind = "service"
    service: str = ""
    needs: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    state: State = State.PENDING
    since: float = 0.0
    pid: int | None = None
    restarts: int = 0
    status: str = ""
    reason: str = ""
    hint: str = ""
    exit: Exit | None = None
    output: tuple[str, ...] = ()
    drain: dict[str, Any] | None = None  # what its process said last of its drain

    @property
    def failing(self) -> bool:
        """Whether it failed for good, or crashed and has not come back yet."""
        return self.state is State.FAILED or (self.state is not State.READY and bool(self.reason))

    @property
    def standing(self) -> str:
        """Where it stands, in the words that say most."""
        return f"{self.state}: {self.reason}" if self.state is State.UNHEALTHY else self.status or self.state.value

    def to_json(self) -> dict[str, Any]:
        """Return it in the form of the control protocol."""
        ended = {"code": self.exit.code, "signal": self.exit.signal} if self.exit else None
        return {
            "name": self.name,
            "kind": self.kind,
            "service": self.service or self.name,
            "needs": list(self.needs),
            "calls": list(self.calls),
            "state": self.state.value,
            "since": round(self.since, 3),
            "pid": self.pid,
            "restarts": self.restarts,
            "status": self.status,
            "reason": self.reason,
            "hint": self.hint,
            "exit": ended,
            "output": list(self.output),
            "drain": self.drain,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One change of the board. `old` equals `new.state` when only details changed."""

    old: State | None
    new: Unit
    at: float

    def to_json(self) -> dict[str, Any]:
        """Return it as one event of `follow`."""
        old = self.old.value if self.old else None
        return {"event": "unit", "at": round(self.at, 3), "from": old, "unit": self.new.to_json()}


class Subscription:
    """The changes since it was made, in order."""

    def __init__(self, queue: asyncio.Queue[Transition]) -> None:
        self._queue = queue

    async def next(self) -> Transition:
        """Wait for the next change."""
        return await self._queue.get()


class Board:
    """All units of an instance, their last transitions, and who wants to hear of changes."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._units: dict[str, Unit] = {}
        self._subscribers: set[asyncio.Queue[Transition]] = set()
        self.history: deque[Transition] = deque(maxlen=1000)

    def __iter__(self) -> Iterator[Unit]:
        return iter(tuple(self._units.values()))

    def __contains__(self, name: str) -> bool:
        return name in self._units

    def __getitem__(self, name: str) -> Unit:
        return self._units[name]

    def add(self, unit: Unit) -> None:
        """Put a unit on the board. ValueError if the name is taken."""
        if unit.name in self._units:
            raise ValueError(f"unit {unit.name} is on the board already")
        self._publish(None, replace(unit, since=self._clock()))

    def remove(self, name: str) -> None:
        """Take a unit that does not run off the board."""
        del self._units[name]

    def move(self, name: str, state: State, **changes: Any) -> Unit:
        """Enter `state` and record `changes`. ValueError for a transition the state machine does not know."""
        unit = self._units[name]
        if state not in NEXT[unit.state]:
            raise ValueError(f"{name} cannot go from {unit.state} to {state}")
        return self._publish(unit.state, replace(unit, state=state, since=self._clock(), **_told(changes)))

    def detail(self, name: str, **changes: Any) -> Unit:
        """Record details without a transition. Nothing happens when they are known already."""
        unit = self._units[name]
        changed = replace(unit, **_told(changes))
        return unit if changed == unit else self._publish(unit.state, changed)

    def _publish(self, old: State | None, unit: Unit) -> Unit:
        self._units[unit.name] = unit
        transition = Transition(old=old, new=unit, at=self._clock())
        self.history.append(transition)
        for queue in self._subscribers:
            queue.put_nowait(transition)
        return unit

    def subscribe(self) -> _Subscribed:
        """Return a context that yields a Subscription."""
        return _Subscribed(self._subscribers)

    async def until(self, reached: Callable[[Board], bool]) -> None:
        """Return once `reached` holds; the caller sets the deadline."""
        with self.subscribe() as changes:
            while not reached(self):
                await changes.next()

    def first_failing(self, name: str) -> Unit | None:
        """Return the failing unit that `name` suffers from first: the deepest one it needs or calls, or itself."""
        return self._first_failing(name, set())

    def _first_failing(self, name: str, seen: set[str]) -> Unit | None:
        unit = self._units.get(name)
        if unit is None or name in seen:
            return None
        seen.add(name)
        for ancestor in (*unit.needs, *unit.calls):
            if found := self._first_failing(ancestor, seen):
                return found
        return unit if unit.failing else None


def _told(changes: dict[str, Any]) -> dict[str, Any]:
    """Return changes whose words hold no secret: every view and every event has them from here."""
    return {key: redact(value) if isinstance(value, str) else value for key, value in changes.items()}


class _Subscribed:
    def __init__(self, subscribers: set[asyncio.Queue[Transition]]) -> None:
        self._subscribers = subscribers
        self._queue: asyncio.Queue[Transition] = asyncio.Queue()

    def __enter__(self) -> Subscription:
        self._subscribers.add(self._queue)
        return Subscription(self._queue)

    def __exit__(self, *_: object) -> None:
        self._subscribers.discard(self._queue)
