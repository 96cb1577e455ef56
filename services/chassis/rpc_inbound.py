"""What every gRPC call into a service passes through: its caller, trace, deadline, errors, and the count of work."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
from opentelemetry.trace import SpanKind

from services.chassis import deadline
from services.chassis.auth import HEADER, Verifier
from services.chassis.errors import INTERNAL, UNAVAILABLE, ErrorCode, ServiceError
from services.chassis.faults import Faults
from services.chassis.inflight import InFlight, Kind
from services.chassis.logging import get_logger
from services.chassis.rpc_health import SERVICE as HEALTH
from services.chassis.tracing import fail, remote_context, span

log = get_logger(__name__)

_LONGEST_S = 30.0  # that a call may take, whatever its caller says
_STATUS = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    401: grpc.StatusCode.UNAUTHENTICATED,
    403: grpc.StatusCode.PERMISSION_DENIED,
    404: grpc.StatusCode.NOT_FOUND,
    409: grpc.StatusCode.FAILED_PRECONDITION,
    422: grpc.StatusCode.INVALID_ARGUMENT,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    503: grpc.StatusCode.UNAVAILABLE,
    504: grpc.StatusCode.DEADLINE_EXCEEDED,
}


class Inbound(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]  # not subscriptable at run time
    """Trace, caller, deadline and errors of every call; only the health service is open to everybody.

    Answers that are streams are asynchronous generators; the style that writes to the context is not supported.
    """

    def __init__(self, verifier: Verifier, in_flight: InFlight, faults: Faults | None = None) -> None:
        self._verifier = verifier
        self._in_flight = in_flight
        self._faults = faults

    async def intercept_service(self, continuation: Any, details: Any) -> Any:
        handler = await continuation(details)
        method = details.method.lstrip("/")
        if handler is None or method.startswith(f"{HEALTH}/"):
            return handler
        metadata = dict(details.invocation_metadata or ())
        many_in, many_out = handler.request_streaming, handler.response_streaming
        kinds = {(0, 0): "unary_unary", (0, 1): "unary_stream", (1, 0): "stream_unary", (1, 1): "stream_stream"}
        kind = kinds[int(many_in), int(many_out)]
        behaviour = getattr(handler, kind)

        async def call(request: Any, context: Any) -> Any:
            async with self._guarded(method, metadata, context) as admit:
                await admit()
                return await behaviour(request, context)
            return None  # an error was turned into a status

        async def stream(request: Any, context: Any) -> AsyncIterator[Any]:
            async with self._guarded(method, metadata, context) as admit:
                await admit()
                async for part in behaviour(request, context):
                    yield part

        make = getattr(grpc, f"{kind}_rpc_method_handler")
        return make(stream if many_out else call, handler.request_deserializer, handler.response_serializer)

    @asynccontextmanager
    async def _guarded(
        self, method: str, metadata: dict[str, Any], context: Any
    ) -> AsyncIterator[Callable[[], Awaitable[None]]]:
        """Turn what the block raises into a status.

        Yields the function that admits the caller; the block calls it first, so that a refusal is raised inside.
        """

        async def admit() -> None:
            self._verifier.verify_rpc(str(metadata.get(HEADER, "")), method)
            if self._faults is not None and self._faults.active:
                await self._faults.suffer()

        attributes = {"rpc.system.name": "grpc", "rpc.method": method}
        parent = remote_context(str(metadata.get("traceparent", "")))
        with (
            span(method, SpanKind.SERVER, attributes, parent=parent) as current,
            self._in_flight.working(Kind.CALL, method, f"{current.get_span_context().trace_id:032x}") as work,
        ):
            try:
                with deadline.within(min(context.time_remaining() or _LONGEST_S, _LONGEST_S)):
                    yield admit
                current.set_attribute("rpc.status_code", "OK")
            except asyncio.CancelledError:
                if not work.aborted:
                    raise
                work.task.uncancel()
                await _abort(context, grpc.StatusCode.UNAVAILABLE, UNAVAILABLE, "cut off: the service stops")
            except ServiceError as error:
                status = _STATUS.get(error.code.status, grpc.StatusCode.INTERNAL)
                current.set_attribute("rpc.status_code", status.name)
                if error.code.status >= 500:
                    fail(current, error)
                await _abort(context, status, error.code, error.message)
            except Exception as error:
                log.exception("unhandled error", method=method)
                fail(current, error)
                await _abort(context, grpc.StatusCode.INTERNAL, INTERNAL, INTERNAL.message)


async def _abort(context: Any, status: grpc.StatusCode, code: ErrorCode, message: str) -> None:
    trailing = (("error-number", str(code.number)), ("error-name", code.name), ("error-status", str(code.status)))
    context.set_trailing_metadata(trailing)
    context.set_code(status)
    context.set_details(message)
