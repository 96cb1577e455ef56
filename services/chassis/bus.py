"""The bus: Redis Streams through consumer groups, with an inbox, bounded retries and a dead letter.

Each consuming service is one group; each replica one consumer with a stable name, so that a restarted replica finds
its own unfinished entries first. An event is acknowledged only after its effect is committed; the inbox row in the same
transaction makes a second delivery a no-op. After `MAX_ATTEMPTS` failures it goes to the dead-letter stream.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from services.chassis.backoff import RETURN_S, Backoff
from services.chassis.dead_letter import KEPT, event_of, letter
from services.chassis.errors import ResourceUnavailableError
from services.chassis.events import ONLY, Event, dead_stream, process_span, stream
from services.chassis.lifecycle import Ready, Stage
from services.chassis.logging import get_logger
from services.chassis.metrics import EVENTS_PROCESSED
from services.chassis.pacing import Pacer

log = get_logger(__name__)

MAX_ATTEMPTS = 3
_READ = 100
_BLOCK_MS = 5_000
_CLAIM_IDLE_MS = 60_000
_CLAIM_EVERY_S = 5.0
_BEGINNING = b"0-0"  # of a stream; as a cursor, that the end was reached
_RETRY_FIRST_S = 0.5
_GIVEN_BACK = 10_000
_LONG_MS = 24 * 3600 * 1000

# Applies events of one stream, each exactly once, all or none: checks the inbox, runs the effects, commits.
# It is given one event at a time unless the consumer was made with a larger `batch`.
Apply = Callable[[Sequence[Event]], Awaitable[None]]
Entry = tuple[bytes, Mapping[bytes, bytes]]


class Consumer:
    """A server of the chassis: reads the streams of the event types it has handlers for."""

    name = "consumer"
    stage = Stage.INTAKE

    def __init__(
        self, service: str, replica: str, bus: Redis, handlers: Mapping[str, Apply], *, batch: int = 1
    ) -> None:
        self._batch = batch
        self._group = service
        self._name = service.encode()
        self._replica = replica
        self._bus: Any = bus  # redis-py types its answers as unions of every protocol version
        self._handlers = {stream(kind).encode(): apply for kind, apply in handlers.items()}
        self._retries: list[tuple[float, bytes, bytes]] = []  # (due, stream, entry id)
        self._claim_at = 0.0
        self._stopping = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._reading: asyncio.Task[Any] | None = None
        self._pacer = Pacer()

    async def serve(self, ready: Ready) -> None:
        """Consume until `shutdown`; the bus going away only delays it."""
        backoff = Backoff(first_s=0.1, most_s=RETURN_S)
        groups_made = False
        while not self._stopping:
            try:
                if not groups_made:
                    await self._make_groups()
                    await self._busy(self._recover())
                    groups_made = True
                    ready()
                    backoff.reset()
                await self._consume_once()
            except ResponseError as error:
                groups_made = False  # NOGROUP after the bus lost its data: make them again
                log.warning("consumer group lost", error=str(error))
                await backoff.wait()
            except (OSError, RedisError) as error:
                groups_made = False  # an acknowledgement may be lost: look at what is pending once it is back
                log.warning("bus not reachable", error=repr(error), retry_in_s=backoff.next_s)
                await backoff.wait()

    async def _make_groups(self) -> None:
        for name in self._handlers:
            try:
                await self._bus.xgroup_create(name, self._group, id="0", mkstream=True)
            except ResponseError as error:
                if "BUSYGROUP" not in str(error):
                    raise

    async def _recover(self) -> None:
        """Take up this replica's unfinished entries; what it had planned to retry is among them."""
        self._retries.clear()
        for name in self._handlers:
            after: bytes = b"0"
            while after and not self._stopping:
                batches = await self._bus.xreadgroup(self._group, self._replica, {name: after}, count=_READ)
                entries = batches[0][1] if batches else []
                await self._process(name, entries, fresh=False)
                after = entries[-1][0] if entries else b""

    async def _claim_abandoned(self) -> None:
        """Take over what other replicas gave back, or left unfinished a minute ago; looked for every few seconds."""
        if time.monotonic() < self._claim_at:
            return
        self._claim_at = time.monotonic() + _CLAIM_EVERY_S
        async with self._bus.pipeline(transaction=False) as looks:
            for name in self._handlers:
                self._claim(looks, name, _BEGINNING)
            found = await looks.execute()
        for name, (start, entries, *_) in zip(self._handlers, found, strict=True):
            await self._process(name, entries, fresh=False)
            while start != _BEGINNING and not self._stopping:
                start, entries, *_ = await self._claim(self._bus, name, start)
                await self._process(name, entries, fresh=False)

    def _claim(self, bus: Any, name: bytes, start: bytes) -> Any:
        return bus.xautoclaim(name, self._group, self._replica, _CLAIM_IDLE_MS, start, count=_READ)

    async def _busy(self, work: Awaitable[None]) -> None:
        """Do `work`; a shutdown waits until it is done."""
        self._idle.clear()
        try:
            await work
        finally:
            self._idle.set()

    async def _consume_once(self) -> None:
        await self._busy(self._claim_abandoned())
        await self._busy(self._retry_due())
        await self._pacer.turn()
        if self._stopping:
            return
        block_ms = _BLOCK_MS
        if self._retries:
            block_ms = min(block_ms, max(1, int((self._retries[0][0] - time.monotonic()) * 1000)))
        self._reading = asyncio.ensure_future(self._read(block_ms))
        try:
            batches = await self._reading
        except asyncio.CancelledError:
            if self._stopping:
                return  # what Redis handed over in that moment stays pending and is read again at the next start
            raise
        finally:
            self._reading = None
        if not self._stopping:  # else they stay pending as well
            await self._busy(self._process_all(batches or ()))

    async def _read(self, block_ms: int) -> Any:
        # A coroutine of our own: one that is cancelled before it begins has made none of the library's.
        wanted = dict.fromkeys(self._handlers, ">")
        return await self._bus.xreadgroup(self._group, self._replica, wanted, count=_READ, block=block_ms)

    async def _process_all(self, batches: Sequence[tuple[bytes, list[Entry]]]) -> None:
        for name, entries in batches:
            await self._process(name, entries, fresh=True)

    async def _process(self, name: bytes, entries: list[Entry], *, fresh: bool) -> None:
        """Handle what one read returned and acknowledge what is done in one round trip."""
        done: list[bytes] = []
        try:
            for start in range(0, len(entries), self._batch):
                done += await self._handle(name, entries[start : start + self._batch], fresh=fresh)
        finally:
            if done:
                await self._bus.xack(name, self._group, *done)

    async def _handle(self, name: bytes, entries: list[Entry], *, fresh: bool) -> list[bytes]:
        """Return the ids of the entries that are finished with: applied, a duplicate, or dead."""
        done: list[bytes] = []
        good: list[tuple[Entry, Event]] = []
        for entry in entries:
            event = await self._decode(name, entry)
            if event is None:
                done.append(entry[0])
            else:
                good.append((entry, event))
        if not good:
            return done
        attempt = await self._attempt(name, good[0][0][0], fresh=fresh)
        try:
            await self._apply_when_possible(name, [event for _, event in good], attempt)
        except Exception as error:  # noqa: BLE001 - a handler may fail in any way; the events must survive it
            if len(good) > 1:
                for entry, _ in good:
                    done += await self._handle(name, [entry], fresh=fresh)
            elif isinstance(error, ResourceUnavailableError):
                pass  # we are stopping: the entry stays pending and is read again at the next start
            elif await self._failed(name, good[0][0], good[0][1], attempt, error):
                done.append(good[0][0][0])
            return done
        EVENTS_PROCESSED.labels(good[0][1].type, "ok").inc(len(good))
        return done + [entry[0] for entry, _ in good]

    async def _decode(self, name: bytes, entry: Entry) -> Event | None:
        """Return the event of an entry; None if there is nothing to do: trimmed, for somebody else, or not an event."""
        entry_id, fields = entry
        if not fields or fields.get(ONLY, self._name) != self._name:
            return None
        try:
            return event_of(name, fields)
        except ValueError as error:
            log.warning("not an event, moved to the dead letter", entry=entry_id.decode(), error=repr(error))
            await self._bury(name, entry_id, fields, f"not a CloudEvent: {error!r}", attempts=1)
            return None

    async def _apply_when_possible(self, name: bytes, events: list[Event], attempt: int) -> None:
        """Apply; while our database is away, wait for it: that is no failure of the event and uses up no attempt."""
        backoff = Backoff(first_s=0.1, most_s=RETURN_S)
        while True:
            try:
                await self._apply(name, events, attempt)
            except ResourceUnavailableError:
                if self._stopping:
                    raise
                await backoff.wait()
            else:
                return

    async def _apply(self, name: bytes, events: list[Event], attempt: int) -> None:
        """Run the handler; each event has its own span, and the work of a batch is inside the last one opened."""
        with ExitStack() as spans:
            for event in events:
                spans.enter_context(process_span(event, self._group, attempt))
            await self._handlers[name](events)

    async def _attempt(self, name: bytes, entry_id: bytes, *, fresh: bool) -> int:
        """Return which delivery this is; the group counts them, so the count outlives the process."""
        if fresh:
            return 1
        pending = await self._bus.xpending_range(name, self._group, entry_id, entry_id, 1)
        return int(pending[0]["times_delivered"]) if pending else 1

    async def _failed(self, name: bytes, entry: Entry, event: Event, attempt: int, error: Exception) -> bool:
        """Plan the next attempt, or give up; return whether the entry is finished with."""
        entry_id, fields = entry
        if attempt >= MAX_ATTEMPTS:
            log.error("event moved to the dead letter", type=event.type, event_id=str(event.id), error=repr(error))
            await self._bury(name, entry_id, fields, repr(error), attempt)
            EVENTS_PROCESSED.labels(event.type, "dead").inc()
            return True
        pause_s = _RETRY_FIRST_S * 4 ** (attempt - 1)
        log.warning("event failed", type=event.type, attempt=attempt, retry_in_s=pause_s, error=repr(error))
        heapq.heappush(self._retries, (time.monotonic() + pause_s, name, entry_id))
        EVENTS_PROCESSED.labels(event.type, "retry").inc()
        return False

    async def _retry_due(self) -> None:
        """Claim entries whose pause is over: the claim counts as the next delivery."""
        while self._retries and not self._stopping and self._retries[0][0] <= time.monotonic():
            _, name, entry_id = heapq.heappop(self._retries)
            entries = await self._bus.xclaim(name, self._group, self._replica, 0, [entry_id])
            if entries:
                await self._process(name, entries, fresh=False)

    async def _bury(self, name: bytes, entry_id: bytes, fields: Mapping[bytes, bytes], why: str, attempts: int) -> None:
        dead = letter(name, entry_id, fields, why, attempts)
        await self._bus.xadd(dead_stream(self._group), dead, maxlen=KEPT, approximate=True)

    async def give_back(self) -> int:
        """Let the next process have at once what this one did not finish; return how many messages that are.

        They are marked as idle for long: whoever looks for abandoned entries takes them, whatever its own name.
        """
        count = 0
        try:
            for name in self._handlers:
                left = await self._bus.xpending_range(name, self._group, "-", "+", _GIVEN_BACK, self._replica)
                ids = [entry["message_id"] for entry in left]
                if ids:
                    await self._bus.xclaim(name, self._group, self._replica, 0, ids, idle=_LONG_MS, justid=True)
                count += len(ids)
        except (OSError, RedisError) as error:
            log.warning("not known what is left unacknowledged", error=repr(error))
        return count

    async def shutdown(self) -> None:
        """Take no new batch; return when the one in hand is applied and acknowledged."""
        self._stopping = True
        if self._reading is not None:
            self._reading.cancel()
        await self._idle.wait()
