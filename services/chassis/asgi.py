"""The outermost layer of a service's HTTP: trace, metrics, in-flight count, limits, and the last line against a 500.

Pure ASGI and one class, because it is on the path of every request.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from email.utils import formatdate
from functools import lru_cache
from typing import Any

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from starlette.exceptions import HTTPException

from services.chassis import deadline
from services.chassis.dto import error_body
from services.chassis.errors import INTERNAL, TIMED_OUT, TOO_LARGE, UNAVAILABLE, WRONG_HOST, ErrorCode, ServiceError
from services.chassis.faults import Faults
from services.chassis.hosts import Hosts
from services.chassis.inflight import InFlight, Kind, Work
from services.chassis.logging import get_logger
from services.chassis.metrics import REQUEST_SECONDS, REQUESTS, bounded
from services.chassis.tracing import fail, remote_context, traceparent, tracer
from services.chassis.websocket import Conversation

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

log = get_logger(__name__)
_UNTRACED = frozenset({"/healthz", "/readyz", "/startupz", "/metrics"})


@lru_cache(maxsize=2)
def _date(second: int) -> bytes:
    """Return the date header of a second (RFC 9110, 5.6.7)."""
    return formatdate(second, usegmt=True).encode()


class Exchange:
    """One request and the state of its answer."""

    __slots__ = ("body_bytes", "in_flight", "max_body", "scope", "send", "span", "status", "timer", "trace_id", "work")

    def __init__(self, scope: Scope, send: Send, span: Span, max_body: int, in_flight: InFlight, work: Work) -> None:
        self.scope = scope
        self.send = send
        self.span = span
        self.max_body = max_body
        self.in_flight = in_flight
        self.work = work
        self.body_bytes = 0
        self.status = 0
        self.timer: asyncio.Timeout | None = None
        self.trace_id = work.trace_id = f"{span.get_span_context().trace_id:032x}"

    def count(self, message: Message) -> Message:
        """Add a received part to the body size; raises 413 beyond the limit."""
        self.body_bytes += len(message.get("body", b""))
        if self.body_bytes > self.max_body:
            raise HTTPException(413, TOO_LARGE.message)
        return message

    async def respond(self, message: Message) -> None:
        """Pass the answer on, with the headers every answer carries."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            if self.timer is not None:
                self.timer.reschedule(None)  # the limit is on the time to the first byte; streams may go on
            headers = list(message.get("headers", ()))
            if any(name == b"content-type" and value.startswith(_EVENTS) for name, value in headers):
                self.work.kind = Kind.STREAM
            headers.append((b"x-trace-id", self.trace_id.encode()))
            headers.append((b"traceparent", traceparent(self.span).encode()))
            headers.append((b"date", _date(int(time.time()))))
            if self.in_flight.lame_duck:
                headers.append((b"connection", b"close"))
            message["headers"] = headers
        await self.send(message)

    async def refuse(self, code: ErrorCode) -> None:
        """Answer with an error envelope, unless an answer has begun."""
        if self.status:
            return
        self.timer = None  # it may be what ran out
        body = error_body(code)
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await self.respond({"type": "http.response.start", "status": code.status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})

    async def cut_off(self) -> None:
        """End what the drain does not wait for: a stream of events in good order, the rest as unavailable."""
        if self.work.kind is Kind.STREAM and not self.work.aborted:
            await self.send({"type": "http.response.body", "body": b""})
        elif not self.status:
            await self.refuse(UNAVAILABLE)
        else:
            raise asyncio.CancelledError  # half an answer: only a broken connection tells that it is not whole


class ServiceLayer:
    """Wraps a service's ASGI application."""

    def __init__(
        self,
        app: App,
        in_flight: InFlight,
        *,
        max_body: int,
        timeout_s: float,
        hosts: Hosts | None = None,
        edge: bool = False,
        faults: Faults | None = None,
    ) -> None:
        """`edge`: requests come from outside, and nothing in them steers the inside: no deadline, no sampling.

        `hosts` are the names that are served; None: any.
        """
        self._app = app
        self._in_flight = in_flight
        self._max_body = max_body
        self._timeout_s = timeout_s
        self._hosts = hosts
        self._edge = edge
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._converse(scope, receive, send)
        elif scope["type"] != "http" or (scope["path"] in _UNTRACED and self._serves(scope)):
            await self._app(scope, receive, send)
        else:
            with self._in_flight.working(Kind.REQUEST, f"{scope['method']} {scope['path']}") as work:
                await self._serve(scope, receive, send, work)

    def _serves(self, scope: Scope) -> bool:
        host = next((value for name, value in scope["headers"] if name == b"host"), b"")
        return self._hosts is None or self._hosts.serve(host)

    async def _converse(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a WebSocket until one side closes it; a drain closes it when no message is in hand."""
        with self._in_flight.working(Kind.STREAM, f"WebSocket {scope['path']}") as work:
            await Conversation(scope, receive, send, work).run(self._app)

    async def _serve(self, scope: Scope, receive: Receive, send: Send, work: Work) -> None:
        headers = {name: value for name, value in scope["headers"] if name in _READ}
        parent = remote_context(headers.get(b"traceparent", b"").decode("latin-1"), sampled=self._edge)
        method = scope["method"]
        attributes = {
            "http.request.method": method,
            "url.path": scope["path"],
            "url.scheme": scope.get("scheme", "http"),
        }
        span = tracer().start_span(method, context=parent, kind=SpanKind.SERVER, attributes=attributes)
        token = otel_context.attach(trace.set_span_in_context(span, parent))
        exchange = Exchange(scope, send, span, self._max_body, self._in_flight, work)
        started = time.perf_counter()
        try:
            length = headers.get(b"content-length", b"0")
            if length.isdigit() and int(length[:_DIGITS]) > self._max_body:
                await exchange.refuse(TOO_LARGE)
            elif self._hosts is not None and not self._hosts.serve(headers.get(b"host", b"")):
                await exchange.refuse(WRONG_HOST)
            else:
                asked_s = None if self._edge else deadline.parse(headers.get(_DEADLINE, b""))
                await self._guarded(exchange, receive, min(asked_s or self._timeout_s, self._timeout_s))
        finally:
            self._record(exchange, method, time.perf_counter() - started)
            otel_context.detach(token)
            span.end()

    async def _guarded(self, exchange: Exchange, receive: Receive, limit_s: float) -> None:
        async def counted() -> Message:
            return exchange.count(await receive())

        try:
            with deadline.within(limit_s):
                async with asyncio.timeout(limit_s) as exchange.timer:
                    if self._faults is not None and self._faults.active:
                        await self._faults.suffer()
                    await self._app(exchange.scope, counted, exchange.respond)
        except TimeoutError:
            await exchange.refuse(TIMED_OUT)
        except asyncio.CancelledError:
            work = exchange.work
            if not (work.aborted or work.closing):
                raise  # the client went away
            work.task.uncancel()
            await exchange.cut_off()
        except HTTPException:  # from `count`, where no framework was in between to answer it
            await exchange.refuse(TOO_LARGE)
        except ServiceError as error:  # only of a drill: routes answer their own
            await exchange.refuse(error.code)
        except Exception as error:
            log.exception("unhandled error", path=exchange.scope["path"])
            fail(exchange.span, error)
            await exchange.refuse(INTERNAL)

    @staticmethod
    def _record(exchange: Exchange, method: str, seconds: float) -> None:
        method, route = bounded(method, getattr(exchange.scope.get("route"), "path", "") or "unmatched")
        status = exchange.status or 499  # the client went away before an answer began
        span = exchange.span
        span.update_name(f"{method} {route}")
        span.set_attributes({"http.route": route, "http.response.status_code": status})
        if status >= 500:
            span.set_attribute("error.type", str(status))
            span.set_status(Status(StatusCode.ERROR))
        REQUESTS.labels(method, route, status).inc()
        REQUEST_SECONDS.labels(method, route).observe(seconds)
        log.info("request", method=method, route=route, status=status, duration_ms=round(seconds * 1000, 2))


_DEADLINE = deadline.HEADER.encode()
_EVENTS = b"text/event-stream"
_READ = frozenset({b"traceparent", b"content-length", b"host", _DEADLINE})
_DIGITS = 18  # of a content-length are enough to refuse it
