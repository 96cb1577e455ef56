"""The work a process has in hand: requests, streams, calls and jobs; what a drain waits for and reports."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from services.chassis.lifecycle import Patience
from services.chassis.metrics import IN_FLIGHT

_TO_SAY_SO_S = 1.0  # for work that was cut off to tell its caller
_NAMED = 20  # pieces of work that a report names; the rest is counted


class Kind(StrEnum):
    """What a piece of work is, and so when a drain waits for it."""

    REQUEST = "request"
    STREAM = "stream"  # has no end of its own: a drain ends it
    CALL = "call"
    JOB = "job"


SERVED = frozenset({Kind.REQUEST, Kind.STREAM})


@dataclass(slots=True, eq=False)
class Work:
    """One piece of work. `aborted`: the drain cut it off. `closing`: the drain asked a stream to end.

    `busy`: a stream with a message in hand, which is to be finished before the stream ends.
    """

    kind: Kind
    name: str
    trace_id: str
    task: asyncio.Task[Any]
    aborted: bool = False
    closing: bool = False
    busy: bool = False


class InFlight:
    """Everything in hand now; from `begin` on also how much there was and how it ended."""

    def __init__(self) -> None:
        self.lame_duck = False
        self.completed = 0
        self.aborted: list[Work] = []
        self._counting = False
        self._work: set[Work] = set()
        self._fewer = asyncio.Event()

    def __len__(self) -> int:
        return len(self._work)

    @property
    def total(self) -> int:
        """How much was in hand when the drain began, or came since."""
        return self.completed + len(self._work) + sum(work not in self._work for work in self.aborted)

    def begin(self) -> None:
        """Count from now on."""
        self._counting = True
        self.lame_duck = True

    def enter(self, kind: Kind, name: str, trace_id: str = "") -> Work:
        """Count the current task in."""
        task = asyncio.current_task()
        assert task is not None
        work = Work(kind, name, trace_id, task)
        self._work.add(work)
        IN_FLIGHT.inc()
        return work

    def leave(self, work: Work) -> None:
        """Count it out."""
        self._work.discard(work)
        IN_FLIGHT.dec()
        if self._counting and not work.aborted:
            self.completed += 1
        self._fewer.set()

    @contextmanager
    def working(self, kind: Kind, name: str, trace_id: str = "") -> Iterator[Work]:
        """Count the block as a piece of work."""
        work = self.enter(kind, name, trace_id)
        try:
            yield work
        finally:
            self.leave(work)

    def end_streams(self) -> None:
        """Ask what never ends by itself to end: whoever listens connects again, to somebody else."""
        for work in self._work:
            if work.kind is Kind.STREAM and not work.closing:
                work.closing = True
                if not work.busy:
                    work.task.cancel("the service stops")

    async def finished(self, patience: Patience, kinds: frozenset[Kind]) -> int:
        """Wait until no work of `kinds` is left, then cut off the rest; return how much that was."""
        while self._of(kinds):
            self._fewer.clear()
            if not await patience.wait_for(self._fewer.wait()):
                return await self.abort(kinds)
        return 0

    async def abort(self, kinds: frozenset[Kind]) -> int:
        """Cut off what is left of `kinds`, with a moment to tell the callers; return how much it was."""
        left = self._of(kinds)
        for work in left:
            work.aborted = True
            self.aborted.append(work)
            work.task.cancel("drain deadline passed")
        if left:
            await asyncio.wait({work.task for work in left}, timeout=_TO_SAY_SO_S)
        return len(left)

    def _of(self, kinds: frozenset[Kind]) -> list[Work]:
        return [work for work in self._work if work.kind in kinds]

    def report(self) -> dict[str, Any]:
        """Return the counts, and the names of what was cut off and of what is still in hand."""
        return {
            "in_flight": self.total,
            "completed": self.completed,
            "aborted": len(self.aborted),
            "lost": [_named(work) for work in self.aborted[:_NAMED]],
            "in_hand": [_named(work) for work in list(self._work)[:_NAMED] if not work.aborted],
        }


def _named(work: Work) -> dict[str, str]:
    return {"kind": work.kind.value, "name": work.name, "trace_id": work.trace_id}
