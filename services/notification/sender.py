"""The sender: takes deliveries that are due, sends them, and plans another attempt for those it could not.

A delivery is leased, not locked, while the mail server is talked to; a sender that dies leaves it to be due again.
"""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
from opentelemetry.trace import SpanKind
from sqlalchemy import Row
from sqlalchemy.exc import SQLAlchemyError

from services.chassis.backoff import RETURN_S, Backoff
from services.chassis.client import ServiceClient
from services.chassis.clock import utcnow
from services.chassis.db import Database
from services.chassis.errors import ServiceError
from services.chassis.lifecycle import Ready, Stage
from services.chassis.logging import get_logger
from services.chassis.pacing import Pacer
from services.chassis.tracing import remote_context, span
from services.notification import events, store
from services.notification.errors import RECIPIENT_UNKNOWN
from services.notification.mailer import Mailer, NotNowError, RefusedError
from services.notification.templates import KINDS, render

log = get_logger(__name__)

_BATCH = 20
_LEASE = timedelta(seconds=60)
_LONGEST_PAUSE = timedelta(minutes=5)
_GIVE_UP_AFTER = timedelta(days=3)
_SWEEP_S = 60.0
_HANG_UP_S = 2.0  # without anything to send; far shorter than a mail server waits for its client


class Sender:
    """A server of the chassis."""

    name = "sender"
    stage = Stage.INTAKE

    def __init__(self, db: Database, mailer: Mailer, client: ServiceClient, public_url: str) -> None:
        self._db = db
        self._mailer = mailer
        self._client = client
        self._public_url = public_url
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._stopping = False
        self._pacer = Pacer()

    async def serve(self, ready: Ready) -> None:
        """Send until `shutdown`; the database going away only delays it."""
        ready()
        backoff = Backoff(first_s=0.1, most_s=RETURN_S)
        while not self._stopping:
            try:
                await self._send_while_connected(backoff)
            except (OSError, SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError, ServiceError) as error:
                self._idle.set()
                log.warning("sender interrupted", error=repr(error), retry_in_s=backoff.next_s)
                await backoff.wait()

    async def _send_while_connected(self, backoff: Backoff) -> None:
        connection = await self._db.listen(store.CHANNEL, self._wake.set)
        try:
            while not self._stopping and not connection.is_closed():
                await self._pacer.turn()
                if self._stopping:  # what is leased now would be nobody's until the lease is over
                    return
                self._wake.clear()
                self._idle.clear()
                pause_s = await self._pass()
                self._idle.set()
                backoff.reset()
                if not await self._woken(min(pause_s, _HANG_UP_S)):
                    await self._mailer.hang_up()
                    await self._woken(pause_s - _HANG_UP_S)
        finally:
            connection.terminate()
            await self._mailer.hang_up()

    async def _woken(self, timeout_s: float) -> bool:
        """Wait until there is something to do; false if nothing came within `timeout_s` seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._wake.wait()
        return self._wake.is_set()

    async def _pass(self) -> float:
        """Send what is due; return how many seconds there are until the next delivery is."""
        async with self._db.transaction() as unit:
            leased = await store.lease_due(unit.session, _BATCH, _LEASE)
            known = await store.addresses(unit.session, {delivery.user_id for delivery in leased}) if leased else {}
            due = await store.next_due(unit.session)
        if leased:
            await asyncio.gather(*(self._deliver(delivery, known.get(delivery.user_id)) for delivery in leased))
        if len(leased) == _BATCH:
            return 0.0
        return _SWEEP_S if due is None else min(_SWEEP_S, max(0.05, (due - utcnow()).total_seconds()))

    async def _deliver(self, delivery: Row[Any], address: str | None) -> None:
        attributes: dict[str, str | int] = {
            "autional.notification.kind": delivery.kind,
            "autional.delivery_attempt": delivery.attempts,
        }
        parent = remote_context(delivery.traceparent)
        with span(f"deliver {delivery.kind}", SpanKind.INTERNAL, attributes, parent=parent):
            try:
                await self._send(delivery, address)
            except RefusedError as error:
                await self._give_up(delivery, str(error))
            except (NotNowError, ServiceError) as error:
                if utcnow() - delivery.created_at > _GIVE_UP_AFTER:
                    await self._give_up(delivery, str(error))
                else:
                    await self._put_off(delivery, str(error))

    async def _send(self, delivery: Row[Any], address: str | None) -> None:
        if address is None:
            raise ServiceError(RECIPIENT_UNKNOWN)
        text = KINDS[delivery.kind]
        values: dict[str, Any] = {**delivery.data, "public_url": self._public_url}
        if text.link_for:
            values["token"] = await self._token(delivery.user_id, text.link_for)
        await self._mailer.send(delivery.id, address, text.subject, render(text.body, values))
        async with self._db.transaction() as unit:
            await store.mark_sent(unit.session, delivery.id)
            events.notification_sent(unit, delivery.id, delivery.user_id, delivery.kind)
        log.info("mail sent", kind=delivery.kind, delivery_id=str(delivery.id))

    async def _token(self, user_id: UUID, purpose: str) -> str:
        """Ask identity for a one-time token at the last moment: it lives in the mail alone."""
        path = f"/v1/internal/users/{user_id}/email-token"
        return str((await self._client.call("identity", "POST", path, json={"purpose": purpose}))["token"])

    async def _put_off(self, delivery: Row[Any], error: str) -> None:
        pause = min(timedelta(seconds=2 ** min(delivery.attempts, 10) / 2), _LONGEST_PAUSE)
        log.warning(
            "mail put off", kind=delivery.kind, attempts=delivery.attempts, pause_s=pause.total_seconds(), error=error
        )
        async with self._db.transaction() as unit:
            await store.put_off(unit.session, delivery.id, utcnow() + pause, error)

    async def _give_up(self, delivery: Row[Any], error: str) -> None:
        log.error("mail refused", kind=delivery.kind, delivery_id=str(delivery.id), error=error)
        async with self._db.transaction() as unit:
            await store.mark_failed(unit.session, delivery.id, error)
            events.notification_failed(unit, delivery.id, delivery.user_id, delivery.kind)

    async def shutdown(self) -> None:
        """Finish what is being sent and take nothing more."""
        self._stopping = True
        self._wake.set()
        await self._idle.wait()
