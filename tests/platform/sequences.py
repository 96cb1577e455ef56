"""Random sequences of drains, kills, restarts and scalings on a real platform, and what must be true after each.

Operations go through the control socket, as the commands send them; people use the platform while they run.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from autional_cli.instance import Instance
from autional_cli.load.account import balance
from autional_cli.load.ledger import Ledger
from autional_cli.supervisor.client import require
from tests.platform.invariants import Bus, broken_ports, broken_registry, broken_status, strangers
from tests.platform.people import People
from tests.platform.running import Platform
from tests.platform.test_faults import SERVICES, select

BACKING = ("postgres", "redis", "cache", "mongo", "mailbox", "telemetry")
OPERATION_S = 60.0
REST_S = 30.0  # a lease ends after 15 s, an outbox that failed is tried again after a pause
TAKE_OVER_S = 90.0  # what a replica that never came back had in hand is taken over when it is a minute old
SHORTEST, LONGEST = 3, 5
ROUND = 9  # from ten on, hypothesis spends the first tenth on variations of the simplest

services = st.sampled_from(SERVICES)
scalable = st.sampled_from([name for name in SERVICES if name != "gateway"])
meanwhile = st.sampled_from(("register", "change", "login", "nothing"))


@dataclass(kw_only=True)
class Stage:
    """One platform and its people, for many sequences. `broken` has a line for each invariant that did not hold.

    If `strict`, nothing is done any more once something is broken. hypothesis is not told: it would do it all again,
    and what depends on time as well seldom breaks twice.
    """

    platform: Platform
    strict: bool = True
    sequences: int = 0
    broken: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)  # each sequence, in seconds
    steps: list[str] = field(default_factory=list)
    different: set[tuple[str, ...]] = field(default_factory=set)

    def open(self) -> None:
        """Start the platform and let the people in."""
        status = self.platform.up()
        self.instance = Instance.open(self.platform.root, self.platform.instance)
        self.loop = asyncio.Runner()
        self.people = self.loop.run(People.arrive(self.platform, str(status["gateway"])))
        self.ledger = self.loop.run(Ledger.open(self.instance, SERVICES))
        self.bus = Bus(self.instance)

    def close(self) -> None:
        """Stop it and remove its data."""
        with suppress(AttributeError):  # it never came up
            for closing in (self.people.leave(), self.ledger.close(), self.bus.close()):
                self.loop.run(closing)
            self.loop.close()
        self.platform.down()

    def ask(self, op: str, **fields: Any) -> Any:
        """Ask the supervisor for an operation and return its result."""
        with require(self.instance) as connection:
            return connection.request(op, timeout_s=OPERATION_S, **fields)

    def act(self, told: str, act: Callable[[], Any], person: str) -> None:
        """Do something to the platform while somebody uses it. An operation that is refused breaks an invariant."""
        self.steps.append(f"{told} ({person})")
        if self.is_over:
            return

        async def both() -> None:
            acting = asyncio.create_task(asyncio.to_thread(act))
            if person != "nothing":
                await getattr(self.people, person)()
            await acting

        try:
            self.loop.run(both())
        except Exception as refused:  # noqa: BLE001 - hypothesis would repeat the sequence, and blame itself
            self.fail([f"{told}: {refused!r} {getattr(refused, 'hint', '')}"])

    def kill(self, name: str, replica: int = 0) -> None:
        """Kill a process without warning; the replica is counted modulo those there are."""
        status = self.ask("status")
        units = [r for service in status["services"] if service["name"] == name for r in service["replicas"]]
        units = units or [unit for unit in (*status["resources"], *status["others"]) if unit["name"] == name]
        pid = units[replica % len(units)]["pid"]
        if pid:  # it may be drained, or wait for its next start
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    @property
    def is_over(self) -> bool:
        """Whether it was broken and is to be left as it is."""
        return self.strict and bool(self.broken)

    def begin(self) -> None:
        """Begin a sequence."""
        self.steps, self.began = [], time.monotonic()
        self.loop.run(self.ledger.mark())

    def finish(self) -> None:
        """Bring everything up, one of each, and check what must be true now."""
        if self.is_over or not self.steps:  # without steps: hypothesis gave it up before it began
            return
        try:
            self.ask("up")
            counts = {s["name"]: len(s["replicas"]) for s in self.ask("status")["services"]}
            if several := {name: 1 for name, count in counts.items() if count > 1}:
                self.ask("scale", replicas=several)
            found = self.loop.run(self._at_rest())
        except Exception as refused:  # noqa: BLE001 - as above
            found = [f"it does not come up: {refused!r} {getattr(refused, 'hint', '')}"]
        self.sequences += 1
        self.different.add(tuple(self.steps))
        self.seconds.append(time.monotonic() - self.began)
        self.fail(found)

    def fail(self, found: list[str]) -> None:
        """Keep what is broken, with the sequence that broke it."""
        self.broken += [f"{line}; sequence {self.sequences}: {' · '.join(self.steps)}" for line in found]

    def look(self) -> list[str]:
        """Return what is broken at this moment."""
        return self.loop.run(self._broken())

    async def _at_rest(self) -> list[str]:
        """Return what is still broken when the time to come to rest is over; at once when nothing is."""
        killed = any(step.startswith("kill") for step in self.steps)
        deadline = time.monotonic() + (TAKE_OVER_S if killed else REST_S)
        while True:
            found = [*await self._broken(), *await self.bus.unread(), *await self.people.broken()]
            if not found or time.monotonic() > deadline:
                return found
            await asyncio.sleep(0.2)

    async def _broken(self) -> list[str]:
        status, listed = await asyncio.to_thread(self.ask, "status"), await self.bus.listed()
        found = [*broken_status(status), *broken_registry(status, listed), *strangers(self.instance, status)]
        found += [*broken_ports(self.instance, status, listed), *await self.bus.dead_letters()]
        reading = await self.ledger.read()
        account = balance(self.ledger, reading)
        pending = [delivery for delivery in reading.deliveries if delivery.status == "pending"]
        found += [] if reading.is_quiet else [f"on its way: {reading.waiting} {reading.unreadable} {pending}"]
        found += [str(discrepancy) for discrepancy in (*account.lost, *account.doubled)]
        return found + await asyncio.to_thread(self._broken_people)

    def _broken_people(self) -> list[str]:
        emails = select(self.platform, "identity", "SELECT email FROM users")
        found = [f"{email} was answered 201 and does not exist" for email in set(self.people.registered) - emails]
        ids = select(self.platform, "identity", "SELECT id FROM users")
        profiles = select(self.platform, "profile", "SELECT user_id FROM profiles")
        twice = select(self.platform, "profile", "SELECT user_id FROM profiles GROUP BY 1 HAVING count(*) > 1")
        return found + [f"users without one profile: {ids ^ profiles | twice}"] * bool(ids ^ profiles or twice)


class Sequence(RuleBasedStateMachine):
    """What may be done to a platform, in any order."""

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.stage = stage
        stage.begin()

    @rule(name=services, roll=st.booleans(), person=meanwhile)
    def drain(self, name: str, roll: bool, person: str) -> None:
        told = f"drain {'--restart ' if roll else ''}{name}"
        self.stage.act(told, lambda: self.stage.ask("drain", services=[name], restart=roll), person)

    @rule(name=services, person=meanwhile)
    def restart(self, name: str, person: str) -> None:
        self.stage.act(f"restart {name}", lambda: self.stage.ask("restart", services=[name]), person)

    @rule(name=scalable, count=st.sampled_from((3, 2, 1)), person=meanwhile)
    def scale(self, name: str, count: int, person: str) -> None:
        self.stage.act(f"scale {name}={count}", lambda: self.stage.ask("scale", replicas={name: count}), person)

    @rule(name=services, replica=st.integers(0, 2), person=meanwhile)
    def kill(self, name: str, replica: int, person: str) -> None:
        self.stage.act(f"kill -9 {name}-{replica}", lambda: self.stage.kill(name, replica), person)

    @rule(name=st.sampled_from(BACKING), person=meanwhile)
    def strike(self, name: str, person: str) -> None:
        self.stage.act(f"kill -9 {name}", lambda: self.stage.kill(name), person)

    @precondition(lambda self: self.stage.steps and not self.stage.steps[-1].startswith("up"))
    @rule(person=meanwhile)
    def up(self, person: str) -> None:
        self.stage.act("up", lambda: self.stage.ask("up"), person)

    def teardown(self) -> None:
        self.stage.finish()


def run_sequences(stage: Stage, count: int, *, chosen: int) -> None:
    """Run `count` different sequences, or a few more, in rounds that follow from `chosen`, `chosen + 1` and so on.

    AssertionError if a strict stage is broken: with the sequence, and the number that makes its round again.
    """
    rules = settings(
        max_examples=min(count, ROUND),
        stateful_step_count=LONGEST,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    while len(stage.different) < count:
        machine = seed(chosen)(lambda: Sequence(stage))
        run_state_machine_as_test(machine, settings=rules, _min_steps=SHORTEST - 1)  # type: ignore[arg-type]
        assert not stage.is_over, "\n".join([f"run_sequences(stage, {count}, chosen={chosen})", *stage.broken])
        chosen += 1
