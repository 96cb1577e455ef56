"""MongoDB: one service's database, with a span for each command."""

from __future__ import annotations

from typing import Any

from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind
from pymongo import AsyncMongoClient, monitoring
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import ConnectionFailure, PyMongoError

from services.chassis.errors import ResourceUnavailableError
from services.chassis.settings import Settings
from services.chassis.tracing import fail, tracer

_TIMEOUT_MS = 5_000
_UNTRACED = frozenset({"ping", "hello", "endSessions", "saslStart", "saslContinue"})

Document = dict[str, Any]


class MongoDatabase:
    """The database that the URL names."""

    def __init__(self, settings: Settings) -> None:
        self._client: AsyncMongoClient[Document] = AsyncMongoClient(
            settings.database_url.get_secret_value(),
            appname=settings.replica,
            tz_aware=True,
            uuidRepresentation="standard",
            serverSelectionTimeoutMS=_TIMEOUT_MS,
            connectTimeoutMS=2_000,
            socketTimeoutMS=15_000,
            heartbeatFrequencyMS=30_000,
            retryWrites=False,
            event_listeners=[_Spans()],
        )

    @property
    def db(self) -> AsyncDatabase[Document]:
        """The database itself."""
        return self._client.get_default_database()

    async def ping(self) -> None:
        """Ask the server for a sign of life; raises what the driver raises."""
        await self.db.command("ping")

    async def close(self) -> None:
        """Close every pooled connection."""
        await self._client.close()


def unavailable(error: PyMongoError) -> ResourceUnavailableError:
    """Return what a client is told when the database cannot be reached; re-raises any other error."""
    if isinstance(error, ConnectionFailure):
        return ResourceUnavailableError("database")
    raise error


class _Spans(monitoring.CommandListener):
    """CLIENT spans; the driver calls it in the task that issued the command, so the context is right."""

    def __init__(self) -> None:
        self._open: dict[int, Span] = {}

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if event.command_name in _UNTRACED or not trace.get_current_span().get_span_context().is_valid:
            return
        collection = event.command.get(event.command_name)
        target = f"{event.command_name} {collection}" if isinstance(collection, str) else event.command_name
        attributes = {
            "db.system.name": "mongodb",
            "db.namespace": event.database_name,
            "db.operation.name": event.command_name,
            "db.query.summary": target,
        }
        self._open[event.request_id] = tracer().start_span(target, kind=SpanKind.CLIENT, attributes=attributes)

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        span = self._open.pop(event.request_id, None)
        if span is not None:
            span.end()

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        span = self._open.pop(event.request_id, None)
        if span is not None:
            fail(span, "CommandFailed")
            span.end()
