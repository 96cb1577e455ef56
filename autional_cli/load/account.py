"""The balance: sent = answered, promised = published, published = applied exactly once. Pure, on what was read."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from autional_cli.load.ledger import DELIVERY_KINDS, MAILER

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from autional_cli.load.ledger import Ledger, Reading
    from autional_cli.load.records import StepRun
    from services.chassis.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Discrepancy:
    """One message that is not where it should be once. `where` is the producer or consumer."""

    what: str  # "never published", "not applied", "dead letter", "no e-mail", "applied twice"
    type: str
    where: str
    trace_id: str
    event_id: str = ""
    detail: str = ""


@dataclass(slots=True, kw_only=True)
class Account:
    """The account of all messages since the ledger was opened. `settled` is false if time ran out before quiet."""

    published: int = 0
    due: int = 0  # pairs of event and consumer
    applied: int = 0
    redelivered: int = 0
    kept: int = 0  # of those due: not applied, because the consumer was stopped on purpose and the bus keeps it for it
    settled: bool = True
    waiting: dict[str, int] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)
    lost: list[Discrepancy] = field(default_factory=list)
    doubled: list[Discrepancy] = field(default_factory=list)

    @property
    def balanced(self) -> bool:
        """Whether every message was applied exactly once, and everything could be looked at."""
        return not (self.lost or self.doubled or self.unreadable)

    def to_json(self) -> dict[str, Any]:
        """Return it for a report."""
        return {**asdict(self), "balanced": self.balanced}


def balance(ledger: Ledger, reading: Reading, steps: Iterable[StepRun] = ()) -> Account:
    """Return the account of one reading; `steps` are those whose promises are checked."""
    account = Account(
        published=len(reading.published),
        redelivered=len(reading.redelivered),
        waiting={name: rows for name, rows in reading.waiting.items() if rows},
        unreadable=dict(reading.unreadable),
    )
    account.lost += broken_promises(ledger, reading, steps)
    for event in reading.published.values():
        for consumer in ledger.consumers(event.type):
            _judge(account, reading, consumer, event)
    _judge_deliveries(account, reading, ledger)
    return account


def _judge(account: Account, reading: Reading, consumer: str, event: Event) -> None:
    if consumer in reading.unreadable:
        return
    account.due += 1
    if event.id in reading.applied.get(consumer, set()):
        account.applied += 1
        return
    if event.id in reading.kept.get(consumer, set()):
        account.kept += 1
        return
    why = reading.dead.get(consumer, {}).get(event.id)
    what = "not applied" if why is None else "dead letter"
    account.lost.append(_about(event, what, consumer, why or ""))


def broken_promises(ledger: Ledger, reading: Reading, steps: Iterable[StepRun]) -> list[Discrepancy]:
    """Return what steps that went well must have published and nobody has.

    What waits in the outbox of a stopped service is published when that runs again.
    """
    seen = {(event.trace_id, event.type) for event in reading.published.values()}
    for unsent in reading.unsent.values():
        seen.update(unsent)
    publishers = {kind: name for name, spec in ledger.specs.items() for kind in spec.publishes}
    lost = []
    for step in steps:
        for kind in step.promises if step.ok else ():
            if kind in publishers and not any((trace, kind) in seen for trace in step.trace_ids):
                trace = step.trace_ids[-1] if step.trace_ids else ""
                lost.append(
                    Discrepancy(
                        what="never published",
                        type=kind,
                        where=publishers[kind],
                        trace_id=trace,
                        detail=f"{step.capability} was answered",
                    )
                )
    return lost


def _judge_deliveries(account: Account, reading: Reading, ledger: Ledger) -> None:
    """Compare the e-mails that notification made with the events it applied, by trace and kind."""
    if MAILER not in ledger.specs or MAILER in reading.unreadable:
        return
    gone = {event.subject for event in reading.published.values() if event.type == "user.deleted"}
    applied = reading.applied.get(MAILER, set())
    owed: dict[tuple[str, str], list[Event]] = {}
    for event in reading.published.values():
        if event.type in DELIVERY_KINDS and _user(event) not in gone:
            owed.setdefault((event.trace_id, DELIVERY_KINDS[event.type]), []).append(event)
    made = Counter((delivery.trace_id, delivery.kind) for delivery in reading.deliveries)
    for key, events in owed.items():
        done = [event for event in events if event.id in applied]
        if made[key] > len(events):
            account.doubled.append(_about(events[0], "applied twice", MAILER, f"{made[key]} e-mails for {len(events)}"))
        elif made[key] < len(done):
            account.lost.append(_about(done[0], "no e-mail", MAILER, f"{made[key]} e-mails for {len(done)}"))


def _user(event: Event) -> str:
    return str(event.data.get("user_id", event.subject))


def _about(event: Event, what: str, where: str, detail: str) -> Discrepancy:
    return Discrepancy(
        what=what,
        type=event.type,
        where=where,
        trace_id=event.trace_id,
        event_id=_text(event.id),
        detail=detail,
    )


def _text(event_id: UUID) -> str:
    return str(event_id)
