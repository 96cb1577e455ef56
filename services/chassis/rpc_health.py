"""The standard gRPC health service, `grpc.health.v1.Health`: load balancers and orchestrators ask it without a token.

Its two messages are described here instead of generated: a generated module would register them in the process's one
descriptor pool, where they collide with those of any other package that brings them.
Source: https://github.com/grpc/grpc/blob/master/doc/health-checking.md
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from enum import IntEnum
from typing import Any

import grpc
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

SERVICE = "grpc.health.v1.Health"


class ServingStatus(IntEnum):
    """`HealthCheckResponse.ServingStatus`."""

    UNKNOWN = 0
    SERVING = 1
    NOT_SERVING = 2
    SERVICE_UNKNOWN = 3


class RpcHealth:
    """Says whether this process serves: yes, until `drain`, while `check` finds nothing wrong.

    A client may ask for the whole process (the empty name) or for one of `services`.
    """

    def __init__(self, check: Callable[[], Awaitable[object]]) -> None:
        self._check = check
        self._draining = False
        self._closed = False
        self._changed = asyncio.Event()
        self.services: set[str] = {"", SERVICE}
        self.request, self.response = _messages()

    def drain(self) -> None:
        """Answer NOT_SERVING from now on, and tell those who watch."""
        self._draining = True
        self._tell()

    def close(self) -> None:
        """End the watches: they would keep the server from stopping."""
        self._closed = True
        self._tell()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def status(self) -> ServingStatus:
        """Return what the process as a whole would answer now."""
        return ServingStatus.NOT_SERVING if self._draining or await self._check() else ServingStatus.SERVING

    async def check(self, request: Any, context: Any) -> Any:
        """Answer once; NOT_FOUND for a service that is not served here."""
        if request.service not in self.services:
            await context.abort(grpc.StatusCode.NOT_FOUND, "this process does not serve it")
        return self.response(status=await self.status())

    async def watch(self, request: Any, _context: Any) -> AsyncIterator[Any]:
        """Answer now and at every change, until the server stops."""
        known = request.service in self.services
        last = None
        while not self._closed:
            changed = self._changed
            status = await self.status() if known else ServingStatus.SERVICE_UNKNOWN
            if status != last:
                last = status
                yield self.response(status=status)
            await changed.wait()

    def handler(self) -> Any:
        """Return what a gRPC server registers."""
        codec = {"request_deserializer": self.request.FromString, "response_serializer": _serialize}
        methods = {
            "Check": grpc.unary_unary_rpc_method_handler(self.check, **codec),
            "Watch": grpc.unary_stream_rpc_method_handler(self.watch, **codec),
        }
        return grpc.method_handlers_generic_handler(SERVICE, methods)


def _serialize(message: Any) -> bytes:
    encoded: bytes = message.SerializeToString()
    return encoded


def _messages() -> tuple[Any, Any]:
    """Return the classes of HealthCheckRequest and HealthCheckResponse."""
    file = FileDescriptorProto(name="grpc/health/v1/health.proto", package="grpc.health.v1", syntax="proto3")
    request = file.message_type.add(name="HealthCheckRequest")
    request.field.add(
        name="service", number=1, type=FieldDescriptorProto.TYPE_STRING, label=FieldDescriptorProto.LABEL_OPTIONAL
    )
    response = file.message_type.add(name="HealthCheckResponse")
    statuses = response.enum_type.add(name="ServingStatus")
    for status in ServingStatus:
        statuses.value.add(name=status.name, number=status.value)
    response.field.add(
        name="status",
        number=1,
        type=FieldDescriptorProto.TYPE_ENUM,
        label=FieldDescriptorProto.LABEL_OPTIONAL,
        type_name=".grpc.health.v1.HealthCheckResponse.ServingStatus",
    )
    pool = DescriptorPool()
    pool.Add(file)
    names = ("HealthCheckRequest", "HealthCheckResponse")
    first, second = (GetMessageClass(pool.FindMessageTypeByName(f"grpc.health.v1.{name}")) for name in names)
    return first, second
