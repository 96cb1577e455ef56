"""gRPC between services: the server with its health service, the client, and errors that keep their code.

A `ServiceError` crosses as a gRPC status plus trailing metadata `error-number` and `error-name`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any
from uuid import UUID

import grpc
from opentelemetry.trace import SpanKind

from services.chassis import deadline
from services.chassis.auth import HEADER, Signer, Verifier
from services.chassis.errors import (
    FORBIDDEN,
    INTERNAL,
    NOT_FOUND,
    TIMED_OUT,
    UNAUTHENTICATED,
    UNAVAILABLE,
    VALIDATION,
    ErrorCode,
    ServiceError,
)
from services.chassis.faults import Faults
from services.chassis.lifecycle import Ready, Stage
from services.chassis.logging import get_logger
from services.chassis.metrics import CALLS
from services.chassis.registry import Directory, Replica
from services.chassis.resilience import Breakers
from services.chassis.rpc_health import SERVICE as HEALTH
from services.chassis.rpc_health import RpcHealth
from services.chassis.tracing import fail, remote_context, span, traceparent

log = get_logger(__name__)

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
_CODE = {
    grpc.StatusCode.UNAVAILABLE: UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED: TIMED_OUT,
    grpc.StatusCode.NOT_FOUND: NOT_FOUND,
    grpc.StatusCode.UNAUTHENTICATED: UNAUTHENTICATED,
    grpc.StatusCode.PERMISSION_DENIED: FORBIDDEN,
    grpc.StatusCode.INVALID_ARGUMENT: VALIDATION,
}
_OPTIONS = [
    ("grpc.max_receive_message_length", 1024 * 1024),
    ("grpc.so_reuseport", 0),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 500),
]

_PAUSE_S = 0.05  # between replicas that could not be connected

Register = Callable[[grpc.aio.Server], None]


class GrpcServer:
    """Serves the registered servicers; every call must carry a token of a service of the platform."""

    name = "grpc"
    stage = Stage.LISTENER

    def __init__(
        self,
        host: str,
        port: int,
        verifier: Verifier,
        register: Register,
        health: RpcHealth,
        *,
        drain_s: float,
        faults: Faults | None = None,
    ) -> None:
        self._health = health
        self._faults = faults
        self._address = f"{host}:{port}"
        self._verifier = verifier
        self._register = register
        self._drain_s = drain_s
        self._server: grpc.aio.Server | None = None

    async def serve(self, ready: Ready) -> None:
        """Listen until `shutdown`. Raises `OSError` if the address is taken."""
        self._server = grpc.aio.server(interceptors=[_Inbound(self._verifier, self._faults)], options=_OPTIONS)
        registrar: Any = _Registrar(self._server, self._health.services)
        self._register(registrar)
        self._server.add_generic_rpc_handlers((self._health.handler(),))
        try:
            self._server.add_insecure_port(self._address)
        except RuntimeError as error:
            raise OSError(f"cannot listen on {self._address}: {error}") from error
        await self._server.start()
        ready()
        await self._server.wait_for_termination()

    async def shutdown(self) -> None:
        """Refuse new calls, finish those in flight, cancel what is left at the deadline."""
        self._health.close()
        if self._server is not None:
            await self._server.stop(self._drain_s)


class _Registrar:
    """Passes servicers on to the server and keeps their names for the health service."""

    def __init__(self, server: grpc.aio.Server, names: set[str]) -> None:
        self._server: Any = server
        self._names = names

    def add_generic_rpc_handlers(self, handlers: Any) -> None:
        self._names.update(handler.service_name() for handler in handlers)
        self._server.add_generic_rpc_handlers(handlers)

    def add_registered_method_handlers(self, service: str, handlers: Any) -> None:
        self._server.add_registered_method_handlers(service, handlers)


class _Inbound(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]  # not subscriptable at run time
    """Trace, caller, deadline and errors of every call; only the health service is open to everybody."""

    def __init__(self, verifier: Verifier, faults: Faults | None) -> None:
        self._verifier = verifier
        self._faults = faults

    async def intercept_service(self, continuation: Any, details: Any) -> Any:
        handler = await continuation(details)
        method = details.method.lstrip("/")
        if handler is None or method.startswith(f"{HEALTH}/"):
            return handler
        if not handler.unary_unary:
            raise NotImplementedError(f"{method}: a stream would go past the checks of this interceptor")
        metadata = dict(details.invocation_metadata or ())

        async def call(request: Any, context: Any) -> Any:
            return await self._call(method, metadata, handler.unary_unary, request, context)

        return grpc.unary_unary_rpc_method_handler(call, handler.request_deserializer, handler.response_serializer)

    async def _call(self, method: str, metadata: dict[str, Any], behaviour: Any, request: Any, context: Any) -> Any:
        attributes = {"rpc.system.name": "grpc", "rpc.method": method}
        parent = remote_context(str(metadata.get("traceparent", "")))
        with span(method, SpanKind.SERVER, attributes, parent=parent) as current:
            try:
                self._verifier.verify(str(metadata.get(HEADER, "")))
                if self._faults is not None and self._faults.active:
                    await self._faults.suffer()
                with deadline.within(context.time_remaining() or 30.0):
                    answer = await behaviour(request, context)
                current.set_attribute("rpc.status_code", "OK")
            except ServiceError as error:
                status = _STATUS.get(error.code.status, grpc.StatusCode.INTERNAL)
                current.set_attribute("rpc.status_code", status.name)
                if error.code.status >= 500:
                    fail(current, error)
                await self._abort(context, status, error.code, error.message)
            except Exception as error:
                log.exception("unhandled error", method=method)
                fail(current, error)
                await self._abort(context, grpc.StatusCode.INTERNAL, INTERNAL, INTERNAL.message)
            else:
                return answer

    @staticmethod
    async def _abort(context: Any, status: grpc.StatusCode, code: ErrorCode, message: str) -> None:
        trailing = (("error-number", str(code.number)), ("error-name", code.name), ("error-status", str(code.status)))
        context.set_trailing_metadata(trailing)
        context.set_code(status)
        context.set_details(message)


class GrpcClient:
    """Calls methods of one other service; one channel per replica, kept open."""

    def __init__(
        self,
        target: str,
        stub: Callable[[grpc.aio.Channel], Any],
        directory: Directory,
        signer: Signer,
        breakers: Breakers,
        faults: Faults | None = None,
    ) -> None:
        self._target = target
        self._stub = stub
        self._directory = directory
        self._signer = signer
        self._breakers = breakers
        self._faults = faults
        self._stubs: dict[str, tuple[grpc.aio.Channel, Any]] = {}

    async def call(self, method: str, request: Any, *, timeout_s: float = 2.0) -> Any:
        """Call `method` with `request`; raises the target's own error, `UNAVAILABLE` or `TIMED_OUT`."""
        limit_s = deadline.remaining_s(timeout_s)
        async with self._breakers.guard(self._target):
            full = f"{self._target}/{method}"
            attributes = {"rpc.system.name": "grpc", "rpc.method": full, "autional.peer.service": self._target}
            with span(full, SpanKind.CLIENT, attributes) as current:
                metadata = ((HEADER, self._signer.token(self._target)), ("traceparent", traceparent(current)))
                with deadline.within(limit_s):
                    replica, stub = await self._connect(limit_s)
                    left_s = deadline.remaining_s(limit_s)
                try:
                    answer = await getattr(stub, method)(request, timeout=left_s, metadata=metadata)
                except grpc.aio.AioRpcError as error:
                    if error.code() is grpc.StatusCode.UNAVAILABLE:
                        self._directory.avoid(replica)
                    current.set_attribute("rpc.status_code", error.code().name)
                    CALLS.labels(self._target, error.code().name).inc()
                    raise _as_service_error(self._target, error) from error
                current.set_attribute("rpc.status_code", "OK")
                CALLS.labels(self._target, "ok").inc()
                return answer

    async def _connect(self, limit_s: float) -> tuple[Replica, Any]:
        """Return a replica that is connected. Nothing is sent before, so any number of replicas may be tried."""
        if self._faults is not None and self._faults.active:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(limit_s):
                    await self._faults.reach(self._target)
        while (left_s := deadline.remaining_s(limit_s)) > 0:
            replica = self._directory.pick(self._target)
            if replica is not None:
                channel, stub = self._channel(replica)
                if await _is_ready(channel, left_s):
                    return replica, stub
                self._directory.avoid(replica)
            await self._directory.changed(min(_PAUSE_S, left_s))
        CALLS.labels(self._target, UNAVAILABLE.name).inc()
        raise ServiceError(UNAVAILABLE, details={"service": self._target})

    def _channel(self, replica: Replica) -> tuple[grpc.aio.Channel, Any]:
        known = self._stubs.get(replica.grpc)
        if known is None:
            channel = grpc.aio.insecure_channel(replica.grpc, options=_OPTIONS)
            known = self._stubs[replica.grpc] = (channel, self._stub(channel))
        return known

    async def close(self) -> None:
        """Close all channels."""
        await asyncio.gather(*(channel.close(None) for channel, _ in self._stubs.values()))


async def _is_ready(channel: grpc.aio.Channel, limit_s: float) -> bool:
    """Connect if necessary; false if the replica refuses or has not answered within `limit_s`."""
    try:
        async with asyncio.timeout(limit_s):
            while (state := channel.get_state(try_to_connect=True)) is not grpc.ChannelConnectivity.READY:
                if state is grpc.ChannelConnectivity.TRANSIENT_FAILURE:
                    return False
                await channel.wait_for_state_change(state)
    except TimeoutError:
        return False
    return True


def _as_service_error(target: str, error: grpc.aio.AioRpcError) -> ServiceError:
    metadata: Any = error.trailing_metadata() or ()
    trailing = dict(metadata)
    if "error-number" in trailing:
        code = ErrorCode(
            int(trailing["error-number"]),
            str(trailing["error-name"]),
            int(trailing["error-status"]),
            error.details() or "",
        )
        return ServiceError(code)
    known = _CODE.get(error.code(), UNAVAILABLE)
    return ServiceError(known, details={"service": target})


def parse_uuid(value: str) -> UUID:
    """Return the id in a message field. Raises `ServiceError(VALIDATION)` if it is none."""
    try:
        return UUID(value)
    except ValueError as error:
        raise ServiceError(VALIDATION, "not a UUID") from error
