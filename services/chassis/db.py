"""PostgreSQL: the engine of one service and its unit of work.

A unit of work is one transaction. Stores add to it and never commit; events published in it leave the process only if
it commits. A connection that the server dropped is replaced when it is next taken from the pool.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import asyncpg
from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind
from sqlalchemy import event, insert, text
from sqlalchemy.exc import DBAPIError, DisconnectionError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from services.chassis.clock import new_id
from services.chassis.errors import VALIDATION, ResourceUnavailableError, ServiceError
from services.chassis.models import OUTBOX
from services.chassis.settings import Settings
from services.chassis.tracing import fail, span, traceparent, tracer

OUTBOX_CHANNEL = "outbox"
_CONNECT_TIMEOUT_S = 5
_STATEMENT_TIMEOUT_S = 15
_FRESH_S = 1.0
# Storage is used up: disk_full, and read_only_sql_transaction, which managed servers answer with then.
_FULL = frozenset({"53100", "25006"})
_UNSTORABLE = frozenset({"22021", "22P05"})  # a NUL in a text or in JSON: the client's mistake


class UnitOfWork:
    """One transaction: its session, and the events that go out if it commits."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session
        self._events: list[dict[str, Any]] = []
        self._after_commit: list[Callable[[], Any]] = []

    def publish(self, kind: str, subject: object, data: Mapping[str, Any]) -> None:
        """Publish event `kind` about `subject` when this unit commits (transactional outbox)."""
        self._events.append(
            {
                "event_id": new_id(),
                "type": kind,
                "subject": str(subject),
                "data": dict(data),
                "traceparent": traceparent(),
            }
        )

    def after_commit(self, action: Callable[[], Any]) -> None:
        """Call `action` once the transaction is committed; an awaitable it returns is awaited."""
        self._after_commit.append(action)

    async def commit(self) -> None:
        """Write the outbox rows, commit, then run the after-commit actions."""
        await self.session.flush()
        if self._events:
            await self.session.execute(insert(OUTBOX), self._events)  # a trigger wakes the relay at the commit
        if trace.get_current_span().get_span_context().is_valid:
            with span("COMMIT", SpanKind.CLIENT, {"db.system.name": "postgresql", "db.operation.name": "COMMIT"}):
                await self.session.commit()
        else:
            await self.session.commit()
        for action in self._after_commit:
            result = action()
            if result is not None:
                await result


class Database:
    """The connection pool of one service."""

    def __init__(self, settings: Settings) -> None:
        self._url = settings.database_url.get_secret_value()
        self._service = settings.service
        self._engine = create_async_engine(
            self._url,
            pool_size=5,
            max_overflow=20,
            pool_recycle=300,
            pool_timeout=5,
            connect_args={
                "timeout": _CONNECT_TIMEOUT_S,
                "command_timeout": _STATEMENT_TIMEOUT_S,
                "server_settings": {"application_name": settings.replica, "jit": "off"},
            },
        )
        self._reading = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        _ping_idle_connections(self._engine)
        _trace_statements(self._engine, urlsplit(self._url).path.lstrip("/"))

    @property
    def engine(self) -> AsyncEngine:
        """The engine, for migrations and drift checks."""
        return self._engine

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[UnitOfWork]:
        """Open a unit of work; commit when the block ends, roll back when it raises.

        Raises `ResourceUnavailableError` when the database cannot be reached.
        """
        async with self._session(self._engine) as session:
            unit = UnitOfWork(session)
            yield unit
            await unit.commit()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """Open a session for reading: each statement sees what is committed when it runs, and costs one round trip.

        Raises `ResourceUnavailableError` when the database cannot be reached.
        """
        async with self._session(self._reading) as session:
            yield session

    @asynccontextmanager
    async def _session(self, engine: AsyncEngine) -> AsyncIterator[AsyncSession]:
        try:  # around the session too: giving back a connection that broke raises as well
            async with AsyncSession(engine, expire_on_commit=False, autoflush=False) as session:
                await self._connect(session)
                yield session
        except (InterfaceError, OperationalError, PoolTimeoutError, asyncpg.PostgresConnectionError) as error:
            raise ResourceUnavailableError("database") from error
        except DBAPIError as error:
            if error.connection_invalidated or _is_disconnect(error):
                raise ResourceUnavailableError("database") from error
            state = getattr(error.orig, "sqlstate", None)
            if state in _FULL:
                raise ResourceUnavailableError("database") from error
            if state in _UNSTORABLE:
                raise ServiceError(VALIDATION, "A text holds a character that cannot be stored") from error
            if isinstance(getattr(error.orig, "__cause__", None), asyncpg.DataError):  # such as a number too large
                raise ServiceError(VALIDATION, "A value is outside what can be stored") from error
            raise

    async def _connect(self, session: AsyncSession) -> None:
        started = time.perf_counter()
        try:
            await session.connection()
        except OSError as error:  # only here: an OSError of the block itself is not the database's
            raise ResourceUnavailableError("database") from error
        waited_ms = (time.perf_counter() - started) * 1000
        if waited_ms > 1:  # a pool that hands out at once needs no mention
            trace.get_current_span().set_attribute("autional.pool_wait_ms", round(waited_ms, 1))

    async def ping(self) -> None:
        """Ask the server for a sign of life; raises what the driver raises."""
        async with self._engine.connect() as connection:
            await connection.execute(text("SELECT 1"))

    async def listen(self, channel: str, wake: Callable[[], None]) -> asyncpg.Connection[asyncpg.Record]:
        """Return a connection of its own on which a notification on `channel`, or its loss, calls `wake`."""
        connection = await asyncpg.connect(
            self._url.replace("postgresql+asyncpg", "postgresql"),
            timeout=_CONNECT_TIMEOUT_S,
            server_settings={"application_name": f"{self._service}-outbox"},
        )
        connection.add_termination_listener(lambda _connection: wake())
        await connection.add_listener(channel, lambda *_: wake())
        return connection

    async def close(self) -> None:
        """Close every pooled connection."""
        await self._engine.dispose()


def _is_disconnect(error: DBAPIError) -> bool:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, asyncpg.PostgresConnectionError | asyncpg.CannotConnectNowError | OSError):
            return True
        if isinstance(cause, asyncpg.AdminShutdownError | asyncpg.CrashShutdownError | asyncpg.InterfaceError):
            return True
        if isinstance(cause, asyncpg.TooManyConnectionsError):
            return True
        cause = cause.__cause__
    return False


def _ping_idle_connections(engine: AsyncEngine) -> None:
    """Ask a connection for a sign of life before it is used, unless it was used a moment ago; replace a dead one."""

    @event.listens_for(engine.sync_engine, "checkin")
    def used(_connection: Any, record: Any) -> None:
        record.info["used"] = time.monotonic()

    @event.listens_for(engine.sync_engine, "checkout")
    def ping(connection: Any, record: Any, _proxy: Any) -> None:
        used_at = record.info.get("used")
        if used_at is None or time.monotonic() - used_at < _FRESH_S:
            return
        try:
            engine.dialect.do_ping(connection)
        except Exception as error:  # whatever the driver says of a dead connection, the pool makes another
            raise DisconnectionError("the connection did not answer") from error


def _trace_statements(engine: AsyncEngine, namespace: str) -> None:
    """Give each statement a CLIENT span. The text holds placeholders only; parameters never enter a span."""

    @event.listens_for(engine.sync_engine, "before_cursor_execute")
    def start(_conn: Any, _cursor: Any, statement: str, _params: Any, context: Any, _many: bool) -> None:
        if not trace.get_current_span().get_span_context().is_valid:
            return  # housekeeping outside any request or message is not worth a trace of its own
        summary = summarise(statement)
        attributes = {
            "db.system.name": "postgresql",
            "db.namespace": namespace,
            "db.query.text": statement[:2000],
            "db.query.summary": summary,
        }
        context.autional_span = tracer().start_span(summary, kind=SpanKind.CLIENT, attributes=attributes)

    @event.listens_for(engine.sync_engine, "after_cursor_execute")
    def end(_conn: Any, _cursor: Any, _statement: str, _params: Any, context: Any, _many: bool) -> None:
        current: Span | None = getattr(context, "autional_span", None)
        if current is not None:
            current.end()

    @event.listens_for(engine.sync_engine, "handle_error")
    def error(context: Any) -> None:
        current: Span | None = getattr(context.execution_context, "autional_span", None)
        if current is not None:
            fail(current, type(context.original_exception).__qualname__)
            current.end()
        if isinstance(context.original_exception, OSError):  # refused, reset, or no answer in time
            raise ResourceUnavailableError("database") from context.original_exception


@lru_cache(maxsize=512)
def summarise(statement: str) -> str:
    """Return `{operation} {target}` of a statement, such as `SELECT users` (db.query.summary)."""
    words = statement.split(maxsplit=40)
    operation = words[0].upper() if words else "SQL"
    marker = {"SELECT": "FROM", "DELETE": "FROM", "INSERT": "INTO", "UPDATE": "UPDATE"}.get(operation)
    for index, word in enumerate(words[:-1]):
        if marker and word.upper() == marker:
            return f"{operation} {words[index + 1].strip('(),;')}"
    return operation
