"""Attributes by their present names, found under the older ones as well.

OpenTelemetry renamed HTTP in 1.23 and databases in 1.28; many senders have not followed:
https://opentelemetry.io/docs/specs/semconv/non-normative/http-migration/ and …/db-migration/.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autional_cli.telemetry.model import Span

OLDER = {
    "db.system.name": ("db.system", "db.type"),
    "db.query.text": ("db.statement",),
    "db.namespace": ("db.name", "db.instance", "db.redis.database_index"),
    "db.operation.name": ("db.operation",),
    "db.collection.name": ("db.sql.table", "db.mongodb.collection", "db.cassandra.table"),
    "http.request.method": ("http.method",),
    "http.response.status_code": ("http.status_code",),
    "url.full": ("http.url",),
    "url.path": ("http.target",),
    "rpc.system.name": ("rpc.system",),
    "rpc.status_code": ("rpc.response.status_code", "rpc.grpc.status_code"),
    "server.address": ("net.peer.name", "http.host", "peer.service", "net.peer.ip"),
}


def attribute(span: Span, name: str, default: Any = None) -> Any:
    """Return an attribute of a span by its present name, or by an older one."""
    attributes = span.attributes
    for spelling in (name, *OLDER.get(name, ())):
        if spelling in attributes:
            return attributes[spelling]
    return default


def is_query(span: Span) -> bool:
    """Tell whether a span is a database call."""
    return bool(attribute(span, "db.system.name") or attribute(span, "db.query.text"))
