"""Traces drawn by hand: times in milliseconds after the start of the trace."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from typing import Any

from autional_cli.telemetry.model import Event, Link, Source, Span, Trace
from autional_cli.telemetry.otlp_json import encode_traces


def source(service: str, instance: str | None = None) -> Source:
    """Name a process as our services name theirs."""
    replica = instance or f"{service}-0"
    return Source(service, replica, {"service.name": service, "service.instance.id": replica}, "tests", "1")


@dataclass
class Recording:
    """A trace in the making; `span` adds one and returns it."""

    start_ns: int = field(default_factory=time.time_ns)
    trace_id: str = field(default_factory=lambda: secrets.token_hex(16))
    spans: list[Span] = field(default_factory=list)

    def span(
        self,
        name: str,
        start_ms: float,
        end_ms: float,
        parent: Span | str | None = None,
        *,
        service: str = "gateway",
        instance: str | None = None,
        kind: str = "internal",
        error: bool = False,
        message: str = "",
        exception: tuple[str, str] | None = None,
        links: tuple[Span, ...] = (),
        **attributes: Any,
    ) -> Span:
        """Add a span; dots in attribute names are written as `__`."""
        described = {"exception.type": exception[0], "exception.message": exception[1]} if exception else {}
        added = Span(
            trace_id=self.trace_id,
            span_id=secrets.token_hex(8),
            parent_id=parent.span_id if isinstance(parent, Span) else parent,
            source=source(service, instance),
            name=name,
            kind=kind,
            start_ns=self.start_ns + round(start_ms * 1e6),
            end_ns=self.start_ns + round(end_ms * 1e6),
            error=error,
            message=message,
            attributes={key.replace("__", "."): value for key, value in attributes.items()},
            events=[Event("exception", self.start_ns + round(end_ms * 1e6), dict(described))] if exception else [],
            links=[Link(link.trace_id, link.span_id, {}) for link in links],
        )
        self.spans.append(added)
        return added

    def trace(self) -> Trace:
        """Return what a backend would."""
        return Trace(self.trace_id, list(self.spans))

    def document(self) -> dict[str, Any]:
        """Return the trace as OTLP JSON."""
        return encode_traces(self.spans)


def record_login(start_ns: int | None = None, *, processed: bool = True) -> Recording:
    """Record a login like that of the platform: six services, SQL, a message and its two consumers."""
    login = Recording(start_ns) if start_ns is not None else Recording()
    route: dict[str, Any] = {"http__request__method": "POST", "http__route": "/api/v1/identity/login"}
    root = login.span("POST /api/v1/identity/login", 0, 31.2, service="gateway", kind="server", **route)
    call = login.span("POST", 1.0, 30.5, root, service="gateway", kind="client", server__address="identity")
    identity = login.span("POST /v1/login", 1.6, 30.1, call, service="identity", kind="server")
    select: dict[str, Any] = {
        "db__system__name": "postgresql",
        "db__query__text": "SELECT * FROM users WHERE email = $1",
    }
    login.span("SELECT users", 2.0, 3.1, identity, service="identity", kind="client", **select)
    login.span("argon2 verify", 3.2, 21.0, identity, service="identity")
    mfa = login.span("autional.mfa.v1.Mfa/Required", 21.2, 23.0, identity, service="identity", kind="client")
    served = login.span("autional.mfa.v1.Mfa/Required", 21.6, 22.7, mfa, service="mfa", kind="server")
    login.span("SELECT factors", 21.8, 22.5, served, service="mfa", kind="client", db__system__name="postgresql")
    open_ = login.span("autional.session.v1.Sessions/Open", 23.2, 28.0, identity, service="identity", kind="client")
    session = login.span("autional.session.v1.Sessions/Open", 23.7, 27.5, open_, service="session", kind="server")
    login.span("INSERT sessions", 24.0, 26.0, session, service="session", kind="client", db__system__name="postgresql")
    send = login.span("send user.logged_in", 33.0, 34.0, identity, service="identity", kind="producer")
    if processed:
        for service, start in (("audit", 40.0), ("notification", 95.0)):
            name = "process user.logged_in"
            process = login.span(name, start, start + 12, send, service=service, kind="consumer", links=(send,))
            login.span(f"INSERT {service}", start + 2, start + 9, process, service=service, kind="client")
    return login
