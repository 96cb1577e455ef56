"""gRPC between services: the server with its health service, the client, and errors that keep their code.

A `ServiceError` crosses as a gRPC status plus trailing metadata `error-number` and `error-name`.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

import grpc
from opentelemetry.trace import SpanKind

from services.chassis import deadline
from services.chassis.address import bracketed
from services.chassis.auth import HEADER, Signer, Verifier
from services.chassis.errors import (
    FORBIDDEN,
    INTERNAL,
    NOT_FOUND,
    TIMED_OUT,
    TOO_LARGE,
    UNAUTHENTICATED,
    UNAVAILABLE,
    VALIDATION,
    ErrorCode,
    ServiceError,
)
from services.chassis.faults import Faults
from services.chassis.inflight import InFlight, Kind
from services.chassis.lifecycle import Patience, Ready, Stage
from services.chassis.metrics import CALLS
from services.chassis.registry import Directory, Replica
from services.chassis.resilience import Breakers, OutOfTimeError
from services.chassis.rpc_health import RpcHealth
from services.chassis.rpc_inbound import Inbound
from services.chassis.tracing import span, traceparent

_CODE = {
    grpc.StatusCode.UNAVAILABLE: UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED: TIMED_OUT,
    grpc.StatusCode.NOT_FOUND: NOT_FOUND,
    grpc.StatusCode.UNAUTHENTICATED: UNAUTHENTICATED,
    grpc.StatusCode.PERMISSION_DENIED: FORBIDDEN,
    grpc.StatusCode.INVALID_ARGUMENT: VALIDATION,
    grpc.StatusCode.RESOURCE_EXHAUSTED: TOO_LARGE,  # of the library: our own carry their code
}
_OPTIONS = [
    ("grpc.max_receive_message_length", 1024 * 1024),
    ("grpc.so_reuseport", 0),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 500),
]

_CALLS = frozenset({Kind.CALL})
_CANCEL_S = 1.0
_LAST_CALLS_S = 30.0
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
        in_flight: InFlight,
        patience: Patience,
        *,
        faults: Faults | None = None,
    ) -> None:
        """`port` 0 takes any free one; `port` tells which once it serves."""
        self.port = port
        self._health = health
        self._faults = faults
        self._host = host
        self._verifier = verifier
        self._register = register
        self._in_flight = in_flight
        self._patience = patience
        self._server: grpc.aio.Server | None = None

    async def serve(self, ready: Ready) -> None:
        """Listen until `shutdown`. Raises `OSError` if the address is taken."""
        inbound = Inbound(self._verifier, self._in_flight, self._faults)
        self._server = grpc.aio.server(interceptors=[inbound], options=_OPTIONS)
        registrar: Any = _Registrar(self._server, self._health.services)
        self._register(registrar)
        self._server.add_generic_rpc_handlers((self._health.handler(),))
        address = f"{bracketed(self._host)}:{self.port}"
        try:
            self.port = self._server.add_insecure_port(address)
        except RuntimeError as error:
            raise OSError(f"cannot listen on {address}: {error}") from error
        await self._server.start()
        ready()
        await self._server.wait_for_termination()

    async def shutdown(self) -> None:
        """Refuse new calls, finish those in flight, cancel what is left at the deadline."""
        self._health.close()
        if self._server is None:
            return
        stopping = asyncio.ensure_future(self._server.stop(self._patience.left_s + _CANCEL_S))
        await self._in_flight.finished(self._patience, _CALLS)
        if not await self._patience.wait_for(asyncio.shield(stopping)):
            await self._server.stop(0)


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
        self._stubs: dict[Replica, tuple[grpc.aio.Channel, Any]] = {}
        self._closing: set[asyncio.Task[None]] = set()
        directory.on_change(self._let_go)

    async def call(self, method: str, request: Any, *, timeout_s: float = 2.0) -> Any:
        """Call `method` with `request`; raises the target's own error, `UNAVAILABLE` or `TIMED_OUT`."""
        limit_s = deadline.remaining_s(timeout_s)
        async with self._breakers.guard(self._target):
            full = f"{self._target}/{method}"
            attributes = {"rpc.system.name": "grpc", "rpc.method": full, "autional.peer.service": self._target}
            with span(full, SpanKind.CLIENT, attributes) as current:
                metadata = ((HEADER, self._signer.token(self._target)), ("traceparent", traceparent(current)))
                sent = time.time()
                with deadline.within(limit_s):
                    replica, stub = await self._connect(limit_s, shortened=limit_s < timeout_s)
                    left_s = deadline.remaining_s(limit_s)
                try:
                    answer = await getattr(stub, method)(request, timeout=left_s, metadata=metadata)
                except grpc.aio.AioRpcError as error:
                    if error.code() is grpc.StatusCode.UNAVAILABLE:
                        self._directory.avoid(replica)
                    current.set_attribute("rpc.status_code", error.code().name)
                    CALLS.labels(self._target, error.code().name).inc()
                    if error.code() is grpc.StatusCode.UNAUTHENTICATED and self._signer.may_be_late(sent):
                        raise ServiceError(UNAVAILABLE, details={"service": self._target}) from error
                    raise _as_service_error(self._target, error, shortened=limit_s < timeout_s) from error
                current.set_attribute("rpc.status_code", "OK")
                CALLS.labels(self._target, "ok").inc()
                return answer

    async def _connect(self, limit_s: float, *, shortened: bool) -> tuple[Replica, Any]:
        """Return a replica that is connected. Nothing is sent before, so any number of replicas may be tried."""
        if self._faults is not None and self._faults.active:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(limit_s):
                    await self._faults.reach(self._target)
        while (left_s := deadline.remaining_s(limit_s)) > 0:
            replica = self._directory.pick(self._target)
            if replica is not None:
                channel, stub = self._channel(replica)
                if await _is_ready(channel, left_s) and self._stubs.get(replica) == (channel, stub):
                    return replica, stub
                self._directory.avoid(replica)
            await self._directory.changed(min(_PAUSE_S, left_s))
        CALLS.labels(self._target, UNAVAILABLE.name).inc()
        if shortened:
            raise OutOfTimeError(TIMED_OUT, details={"service": self._target})
        raise ServiceError(UNAVAILABLE, details={"service": self._target})

    def _channel(self, replica: Replica) -> tuple[grpc.aio.Channel, Any]:
        known = self._stubs.get(replica)
        if known is None:
            channel = grpc.aio.insecure_channel(replica.grpc, options=_OPTIONS)
            known = self._stubs[replica] = (channel, self._stub(channel))
        return known

    def _let_go(self) -> None:
        """Close the channels to processes that have left, once the calls on them are done."""
        for replica in [known for known in self._stubs if not self._directory.lists(known)]:
            channel, _ = self._stubs.pop(replica)
            task = asyncio.ensure_future(channel.close(_LAST_CALLS_S))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        """Close all channels."""
        for task in tuple(self._closing):
            task.cancel()
        await asyncio.gather(*(channel.close(None) for channel, _ in self._stubs.values()))


async def _is_ready(channel: grpc.aio.Channel, limit_s: float) -> bool:
    """Connect if necessary; false if the replica refuses, has not answered within `limit_s`, or is let go meanwhile."""
    try:
        async with asyncio.timeout(limit_s):
            while (state := channel.get_state(try_to_connect=True)) is not grpc.ChannelConnectivity.READY:
                if state is grpc.ChannelConnectivity.TRANSIENT_FAILURE:
                    return False
                await channel.wait_for_state_change(state)
    except (TimeoutError, grpc.aio.UsageError):  # the latter: its channel was closed
        return False
    return True


def _as_service_error(target: str, error: grpc.aio.AioRpcError, *, shortened: bool) -> ServiceError:
    """Return what a failed call means; `shortened`: its caller had less time than such a call is given."""
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
    known = _CODE.get(error.code(), INTERNAL)
    kind = OutOfTimeError if shortened and known is TIMED_OUT else ServiceError
    return kind(known, details={"service": target})


def parse_uuid(value: str) -> UUID:
    """Return the id in a message field. Raises `ServiceError(VALIDATION)` if it is none."""
    try:
        return UUID(value)
    except ValueError as error:
        raise ServiceError(VALIDATION, "not a UUID") from error
