"""A WebSocket from its handshake to its end (RFC 6455): traced, and closed by a drain when no message is in hand."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.trace import SpanKind
from starlette.websockets import WebSocketDisconnect

from services.chassis.inflight import Work
from services.chassis.logging import get_logger
from services.chassis.tracing import fail, remote_context, tracer

if TYPE_CHECKING:
    from services.chassis.asgi import App, Message, Receive, Scope, Send

log = get_logger(__name__)


class Conversation:
    """One WebSocket: its trace, and its end. A drain closes it with 1012, service restart (IANA close codes)."""

    __slots__ = ("receive", "scope", "send", "work")

    def __init__(self, scope: Scope, receive: Receive, send: Send, work: Work) -> None:
        self.scope = scope
        self.receive = receive
        self.send = send
        self.work = work

    async def run(self, app: App) -> None:
        """Let `app` serve it."""
        parent = remote_context(dict(self.scope["headers"]).get(b"traceparent", b"").decode("latin-1"))
        attributes = {
            "http.request.method": "GET",
            "url.path": self.scope["path"],
            "network.protocol.name": "websocket",
        }
        span = tracer().start_span("GET", context=parent, kind=SpanKind.SERVER, attributes=attributes)
        self.work.trace_id = f"{span.get_span_context().trace_id:032x}"
        token = otel_context.attach(trace.set_span_in_context(span, parent))
        try:
            await app(self.scope, self.listen, self.send)
        except WebSocketDisconnect:  # the other side left, and the route had no more to do
            pass
        except asyncio.CancelledError:
            if not self.work.closing:
                raise
            self.work.task.uncancel()
            await self.close(1012, "service restart")
        except Exception as error:
            log.exception("unhandled error", path=self.scope["path"])
            fail(span, error)
            await self.close(1011, "internal error")
        finally:
            span.update_name(f"GET {getattr(self.scope.get('route'), 'path', 'unmatched')}")
            otel_context.detach(token)
            span.end()

    async def listen(self) -> Message:
        """Return the next message. To ask for it is to be done with the one before: a drain may end it here."""
        self.work.busy = False
        if self.work.closing:
            await self.close(1012, "service restart")
            return {"type": "websocket.disconnect", "code": 1012}
        message = await self.receive()
        self.work.busy = message["type"] == "websocket.receive"
        return message

    async def close(self, code: int, reason: str) -> None:
        """Close it, unless it is closed already."""
        with suppress(RuntimeError, OSError):  # as servers answer who sends after the end
            await self.send({"type": "websocket.close", "code": code, "reason": reason})
