"""What was published and what was applied, read from where it lies: outboxes, streams, inboxes, trail, deliveries.

Read with the operator's rights on the bus and each service's own on its database. Nothing is changed. Streams keep a
day and everything unread, so what was published since `open` is all there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from redis.exceptions import ResponseError

from autional_cli.errors import AutionalError, ExitCode
from autional_cli.events.bus import position
from autional_cli.migrations.databases import with_database
from autional_cli.supervisor.topology import all_resources
from autional_cli.workspace.discover import discover
from services.chassis.events import Event, dead_stream, events_of, stream, trace_id_of
from services.chassis.redis import connect

if TYPE_CHECKING:
    from collections.abc import Iterable

    from autional_cli.instance import Instance
    from services.chassis.spec import ServiceSpec

MAILER = "notification"
PAGE = 1000
CONNECT_S = 5.0
# event type → the e-mail that notification owes for it (services/notification/events.py)
_MAILS = (
    "user.created=verify_email "
    "user.password_reset_requested=reset_password "
    "user.logged_in=login_alert "
    "user.locked=account_locked "
    "user.password_changed=password_changed "
    "mfa.enrolled=mfa_enrolled "
    "session.reuse_detected=token_reused "
)
DELIVERY_KINDS: Mapping[str, str] = dict(pair.split("=") for pair in _MAILS.split())


@dataclass(frozen=True, slots=True)
class Delivery:
    """An e-mail that notification owes or has sent."""

    trace_id: str
    kind: str
    status: str


@dataclass(slots=True)
class Reading:
    """One look at everything. Ids are event ids."""

    published: dict[UUID, Event] = field(default_factory=dict)
    redelivered: list[UUID] = field(default_factory=list)  # twice on a stream, as at-least-once allows
    waiting: dict[str, int] = field(default_factory=dict)  # service → rows in its outbox
    applied: dict[str, set[UUID]] = field(default_factory=dict)  # consumer → what it has applied
    dead: dict[str, dict[UUID, str]] = field(default_factory=dict)  # consumer → what it gave up, and why
    deliveries: list[Delivery] = field(default_factory=list)
    unreadable: dict[str, str] = field(default_factory=dict)  # service → why its database could not be read
    stopped: frozenset[str] = frozenset()  # services that nobody waits for
    unsent: dict[str, list[tuple[str, str]]] = field(default_factory=dict)  # stopped → trace and type in its outbox
    kept: dict[str, set[UUID]] = field(default_factory=dict)  # stopped → what the bus keeps for it

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is on its way: no outbox row, no e-mail to be sent, and every store could be read.

        What waits in the database of a stopped service goes nowhere.
        """
        pending = MAILER not in self.stopped and any(delivery.status == "pending" for delivery in self.deliveries)
        waiting = any(rows for name, rows in self.waiting.items() if name not in self.stopped)
        return not pending and not waiting and not self.unreadable


class Ledger:
    """Reads what the services of a running instance published and applied since it was opened.

    `stopped` are services that do not run any more: what is kept for them, on the bus or in their outbox, is not lost.
    """

    def __init__(self, bus: Any, specs: Mapping[str, ServiceSpec], urls: Mapping[str, str]) -> None:
        self._bus = bus
        self.specs = specs
        self._urls = urls
        self.stopped: frozenset[str] = frozenset()
        self._since: dict[str, bytes] = {}
        self._began: Any = None

    @classmethod
    async def open(cls, instance: Instance, services: Iterable[str]) -> Ledger:
        """Note where every stream ends now. AutionalError (exit 4) if the bus does not answer."""
        running = set(services)
        specs = {name: spec for name, spec in discover(instance.root).items() if name in running}
        urls = {spec.name: url for spec, url in with_database(instance) if spec.name in running}
        redis = next(resource for resource in all_resources(instance) if resource.name == "redis")
        ledger = cls(connect(redis.admin_url(), name="ledger"), specs, urls)
        try:
            await ledger.mark()
        except (OSError, ConnectionError) as error:
            await ledger.close()
            raise AutionalError(
                f"the bus cannot be read: {error}", hint="autional why redis", exit_code=ExitCode.BACKEND_UNAVAILABLE
            ) from error
        return ledger

    async def close(self) -> None:
        """Close the connection to the bus."""
        await self._bus.aclose()

    async def mark(self) -> None:
        """Begin a new account: what is on the bus now does not belong to it."""
        seconds, micros = await self._bus.time()
        self._began = seconds + micros / 1e6
        for name in self._streams():
            try:
                info = await self._bus.xinfo_stream(name)
                self._since[name] = info["last-generated-id"]
            except ResponseError:
                self._since[name] = b"0-0"  # nothing was published yet

    def _streams(self) -> list[str]:
        kinds = sorted({kind for spec in self.specs.values() for kind in spec.publishes})
        return [*map(stream, kinds), *(dead_stream(name) for name in self.specs)]

    def consumers(self, kind: str) -> list[str]:
        """Return the running services that must apply events of a type."""
        return [name for name, spec in self.specs.items() if kind in spec.consumes]

    async def read(self) -> Reading:
        """Look at everything once. A database that does not answer is named in `unreadable`."""
        reading = Reading(stopped=self.stopped)
        for spec in self.specs.values():
            for kind in spec.publishes:
                for event in await self._entries(stream(kind)):
                    if event.id in reading.published:
                        reading.redelivered.append(event.id)
                    reading.published[event.id] = event
        for name in self.specs:
            reading.dead[name] = await self._dead(name)
        for name in self.stopped.intersection(self.specs):
            reading.kept[name] = await self._kept(name)
        await asyncio.gather(*(self._read_store(reading, name) for name in self._urls))
        return reading

    async def _pages(self, name: str) -> list[Any]:
        found: list[Any] = []
        start: bytes = b"(" + self._since[name]
        while page := await self._bus.xrange(name, min=start, max="+", count=PAGE):
            found += page
            start = b"(" + page[-1][0]
        return found

    async def _entries(self, name: str) -> list[Event]:
        return [event for _, event in events_of(await self._pages(name))]

    async def _kept(self, service: str) -> set[UUID]:
        """Return the events that its group has not been given yet, or has been given and not acknowledged."""
        kept: set[UUID] = set()
        for kind in self.specs[service].consumes:
            name = stream(kind)
            entries = await self._pages(name)
            if not entries:
                continue
            groups = {group["name"].decode(): group for group in await self._bus.xinfo_groups(name)}
            if service not in groups:
                continue
            last = position(groups[service]["last-delivered-id"].decode())
            given = await self._pending(name, service)
            kept |= {e.id for entry, e in events_of(entries) if position(entry.decode()) > last or entry in given}
        return kept

    async def _pending(self, name: str, group: str) -> set[bytes]:
        found: set[bytes] = set()
        start = "-"
        while page := await self._bus.xpending_range(name, group, start, "+", PAGE):
            found |= {entry["message_id"] for entry in page}
            start = "(" + page[-1]["message_id"].decode()
        return found

    async def _dead(self, service: str) -> dict[UUID, str]:
        letters: dict[UUID, str] = {}
        for _, fields in await self._pages(dead_stream(service)):
            try:
                letters[Event.of(fields).id] = fields.get(b"error", b"").decode(errors="replace")
            except ValueError:
                continue  # what was no event is nobody's message
        return letters

    async def _read_store(self, reading: Reading, name: str) -> None:
        due = [event.id for event in reading.published.values() if event.type in self.specs[name].consumes]
        try:
            async with asyncio.timeout(CONNECT_S):
                if self._urls[name].startswith("mongodb"):
                    reading.applied[name] = await self._trail(name, due)
                else:
                    await self._database(reading, name, due)
        except Exception as error:  # noqa: BLE001 - whatever its driver says: an unread store is named, not taken as empty
            reading.unreadable[name] = f"{type(error).__name__}: {error}"[:200]

    async def _trail(self, name: str, due: list[UUID]) -> set[UUID]:
        from pymongo import AsyncMongoClient

        client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
            self._urls[name], serverSelectionTimeoutMS=int(CONNECT_S * 1000)
        )
        try:
            events = client.get_default_database()["events"]
            found = events.find({"_id": {"$in": [str(each) for each in due]}}, {"_id": 1})
            return {UUID(record["_id"]) async for record in found}
        finally:
            await client.close()

    async def _database(self, reading: Reading, name: str, due: list[UUID]) -> None:
        import asyncpg

        url = self._urls[name].replace("postgresql+asyncpg", "postgresql")
        connection = await asyncpg.connect(url, timeout=CONNECT_S)
        try:
            reading.waiting[name] = await connection.fetchval("SELECT count(*) FROM outbox")
            if name in self.stopped:
                rows = await connection.fetch("SELECT traceparent, type FROM outbox")
                reading.unsent[name] = [(trace_id_of(row["traceparent"]), row["type"]) for row in rows]
            if self.specs[name].consumes:
                rows = await connection.fetch("SELECT event_id FROM inbox WHERE event_id = ANY($1::uuid[])", due)
                reading.applied[name] = {UUID(str(row["event_id"])) for row in rows}
            if name == MAILER:
                rows = await connection.fetch(
                    "SELECT traceparent, kind, status FROM deliveries WHERE created_at >= to_timestamp($1)", self._began
                )
                reading.deliveries = [Delivery(trace_id_of(r["traceparent"]), r["kind"], r["status"]) for r in rows]
        finally:
            await connection.close()
