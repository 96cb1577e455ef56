"""gRPC between services over real sockets, and the standard health service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from redis.asyncio import Redis

from services.chassis import deadline
from services.chassis.auth import HEADER
from services.chassis.errors import INTERNAL, TIMED_OUT, UNAVAILABLE, ErrorCode, ServiceError
from services.chassis.http import Health
from services.chassis.inflight import InFlight
from services.chassis.lifecycle import Patience
from services.chassis.rpc import GrpcClient, GrpcServer
from services.chassis.rpc_health import RpcHealth
from services.contracts import mfa_pb2 as pb
from services.contracts.mfa_pb2_grpc import SecondFactorsStub, add_SecondFactorsServicer_to_server
from tests.chassis.calling import Caller, caller, registered, verifier
from tests.chassis.events import eventually, serving
from tests.chassis.servers import PROBE, Servers

TAKEN = ErrorCode(9001, "TAKEN", 409, "It is taken")
SERVICE = "autional.mfa.v1.SecondFactors"


class Factors:
    """A servicer that does what a test tells it."""

    def __init__(self, act: Callable[[], Awaitable[object]] | None = None) -> None:
        self.act = act
        self.calls = 0
        self.left_s = 0.0

    async def Requirement(self, request: Any, context: Any) -> Any:  # noqa: N802 - named by the contract
        self.calls += 1
        self.left_s = deadline.remaining_s(100)
        if self.act is not None:
            await self.act()
        return pb.RequirementReply(methods=[request.user_id])

    async def Verify(self, request: Any, context: Any) -> Any:  # noqa: N802
        raise RuntimeError("a secret detail")


def health() -> RpcHealth:
    return RpcHealth(Health().failures)


@asynccontextmanager
async def server(
    servers: Servers, factors: Factors, state: RpcHealth | None = None, *, replica: int = 0, patience_s: float = 1
) -> AsyncIterator[GrpcServer]:
    found = GrpcServer(
        "127.0.0.1",
        servers.instance.block.grpc(PROBE, replica),
        verifier(servers),
        lambda target: add_SecondFactorsServicer_to_server(factors, target),
        state or health(),
        InFlight(),
        Patience(patience_s),
    )
    async with serving(found):
        yield found


@asynccontextmanager
async def client(calling: Caller) -> AsyncIterator[GrpcClient]:
    found = GrpcClient("probe", SecondFactorsStub, calling.directory, calling.signer, calling.breakers)
    yield found
    await found.close()


def question(user: str = "u") -> Any:
    return pb.RequirementRequest(user_id=user)


async def test_a_call_is_answered_and_its_trace_goes_on(
    servers: Servers, bus: Redis, spans: InMemorySpanExporter
) -> None:
    async with (
        registered(servers, 0),
        server(servers, Factors()),
        caller(servers) as calling,
        client(calling) as remote,
    ):
        assert list((await remote.call("Requirement", question("me"))).methods) == ["me"]
    await eventually(lambda: _finished(spans, 2), "both spans have ended")
    inner, outer = spans.get_finished_spans()
    assert inner.parent is not None
    assert outer.context is not None
    assert inner.parent.span_id == outer.context.span_id
    assert inner.name == f"{SERVICE}/Requirement"


async def test_a_replica_that_is_gone_is_passed_over_without_anything_having_been_sent(
    servers: Servers, bus: Redis
) -> None:
    living = Factors()
    async with (
        registered(servers, 0, 1),
        server(servers, living, replica=1),
        caller(servers) as calling,
        client(calling) as remote,
    ):
        await calling.sees(2)
        for _ in range(4):
            await remote.call("Requirement", question())
    assert living.calls == 4


async def test_a_replica_that_stops_between_calls_is_replaced_by_another(servers: Servers, bus: Redis) -> None:
    first, second = Factors(), Factors()
    async with (
        registered(servers, 0, 1),
        server(servers, second, replica=1),
        caller(servers) as calling,
        client(calling) as remote,
    ):
        await calling.sees(2)
        async with server(servers, first):
            for _ in range(4):
                await remote.call("Requirement", question())
            assert first.calls
        for _ in range(4):
            await remote.call("Requirement", question())
    assert first.calls + second.calls == 8


async def test_a_replica_that_leaves_while_it_is_being_connected_to_is_passed_over(
    servers: Servers, bus: Redis
) -> None:
    """As in a roll on a busy machine: its channel is closed under the call that waits for it."""
    reached = asyncio.Event()

    async def say_nothing(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.set()
        await left.wait()
        writer.close()

    left, port, living = asyncio.Event(), servers.instance.block.grpc(PROBE), Factors()
    async with (
        await asyncio.start_server(say_nothing, "127.0.0.1", port),
        registered(servers, 0) as [leaving],
        server(servers, living, replica=1),
        caller(servers) as calling,
        client(calling) as remote,
    ):
        await calling.sees(1)
        asking = asyncio.create_task(remote.call("Requirement", question(), timeout_s=20))
        await reached.wait()
        await leaving.stop()
        async with registered(servers, 1):
            await asking
        left.set()
    assert living.calls == 1


async def test_nobody_there_is_unavailable_at_the_deadline(servers: Servers, bus: Redis) -> None:
    async with registered(servers, 0), caller(servers) as calling, client(calling) as remote:
        with pytest.raises(ServiceError) as caught:
            await remote.call("Requirement", question(), timeout_s=0.3)
    assert caught.value.code is UNAVAILABLE


async def test_the_deadline_travels_and_ends_the_call(servers: Servers, bus: Redis) -> None:
    factors = Factors(act=asyncio.Event().wait)
    async with registered(servers, 0), server(servers, factors), caller(servers) as calling, client(calling) as remote:
        with pytest.raises(ServiceError) as caught, deadline.within(0.4):
            await remote.call("Requirement", question(), timeout_s=30)
    assert caught.value.code is TIMED_OUT
    assert 0 < factors.left_s <= 0.4


async def test_the_target_s_own_error_passes_through(servers: Servers, bus: Redis) -> None:
    async def refuse() -> None:
        raise ServiceError(TAKEN, "It is taken by somebody")

    async with (
        registered(servers, 0),
        server(servers, Factors(act=refuse)),
        caller(servers) as calling,
        client(calling) as remote,
    ):
        for _ in range(8):  # a 409 does not open the circuit either
            with pytest.raises(ServiceError) as caught:
                await remote.call("Requirement", question())
            code = caught.value.code
            assert (code.number, code.name, code.status) == (9001, "TAKEN", 409)
            assert caught.value.message == "It is taken by somebody"


async def test_a_failure_of_the_target_says_nothing_of_its_cause(servers: Servers, bus: Redis) -> None:
    async with (
        registered(servers, 0),
        server(servers, Factors()),
        caller(servers) as calling,
        client(calling) as remote,
    ):
        with pytest.raises(ServiceError) as caught:
            await remote.call("Verify", pb.VerifyRequest())
    assert caught.value.code.number == INTERNAL.number
    assert "secret" not in str(caught.value)


async def test_the_circuit_opens_after_five_failures_and_closes_again(servers: Servers, bus: Redis) -> None:
    async def break_down() -> None:
        raise ServiceError(UNAVAILABLE)

    factors = Factors(act=break_down)
    async with registered(servers, 0), server(servers, factors), caller(servers) as calling, client(calling) as remote:
        for _ in range(7):
            with pytest.raises(ServiceError) as caught:
                await remote.call("Requirement", question())
        assert caught.value.details == {"service": "probe", "circuit": "open"}
        assert factors.calls == 5
        factors.act = None

        async def answers() -> bool:
            try:
                return bool(await remote.call("Requirement", question()))
            except ServiceError:
                return False

        await eventually(answers, "the circuit closes")


async def test_neither_a_mistake_in_the_target_nor_a_shortened_deadline_opens_the_circuit(
    servers: Servers, bus: Redis
) -> None:
    async def break_down() -> None:
        raise RuntimeError

    factors = Factors(act=break_down)
    async with registered(servers, 0), server(servers, factors), caller(servers) as calling, client(calling) as remote:
        for _ in range(7):
            with pytest.raises(ServiceError) as caught:
                await remote.call("Requirement", question())
            assert caught.value.code.number == INTERNAL.number
        factors.act = asyncio.Event().wait
        for _ in range(7):
            with pytest.raises(ServiceError) as caught, deadline.within(0.02):
                await remote.call("Requirement", question(), timeout_s=5)
            assert caught.value.code is TIMED_OUT
        factors.act = None
        assert await remote.call("Requirement", question())


@asynccontextmanager
async def stranger(servers: Servers) -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{servers.instance.block.grpc(PROBE)}") as channel:
        yield channel


@pytest.mark.parametrize("token", [None, "", "nonsense"])
async def test_a_caller_without_a_token_of_the_platform_is_refused(
    servers: Servers, bus: Redis, token: str | None
) -> None:
    factors = Factors()
    metadata = () if token is None else ((HEADER, token),)
    async with server(servers, factors), stranger(servers) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await SecondFactorsStub(channel).Requirement(question(), metadata=metadata, timeout=5)
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
    assert factors.calls == 0


async def test_a_shutdown_lets_the_call_in_flight_finish(servers: Servers, bus: Redis) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        begun.set()
        await go_on.wait()

    async with (
        registered(servers, 0),
        server(servers, Factors(act=slow)) as running,
        caller(servers) as calling,
        client(calling) as remote,
    ):
        call = asyncio.create_task(remote.call("Requirement", question("me")))
        await begun.wait()
        stopping = asyncio.create_task(running.shutdown())
        await asyncio.sleep(0)
        go_on.set()
        assert list((await call).methods) == ["me"]
        await stopping


async def _finished(spans: InMemorySpanExporter, count: int) -> bool:
    return len(spans.get_finished_spans()) >= count
