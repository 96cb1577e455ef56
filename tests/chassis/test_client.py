"""Calls between services over real sockets."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from redis.asyncio import Redis

from services.chassis import deadline
from services.chassis.asgi import Receive, Scope, Send
from services.chassis.auth import HEADER
from services.chassis.client import Outbound
from services.chassis.errors import TIMED_OUT, UNAVAILABLE, ServiceError
from services.chassis.resilience import RetryBudget
from tests.chassis.calling import Target, caller, dropping, envelope, listening, registered, verifier
from tests.chassis.events import eventually
from tests.chassis.servers import Servers


async def test_a_call_returns_the_data_and_carries_who_calls_and_the_trace(
    servers: Servers, bus: Redis, spans: InMemorySpanExporter
) -> None:
    target = Target()
    async with registered(servers, 0), listening(servers, target), caller(servers) as calling:
        assert await calling.client.call("probe", "POST", "/v1/x", json={"a": 1}) == "fine"
    [request] = target.requests
    assert verifier(servers).verify(request[HEADER]).caller == "witness"
    [sent] = [each for each in spans.get_finished_spans() if each.name == "POST probe"]
    assert sent.context is not None
    assert request["traceparent"].split("-")[1:3] == [f"{sent.context.trace_id:032x}", f"{sent.context.span_id:016x}"]


async def test_a_post_that_could_not_be_sent_is_sent_to_another_replica(servers: Servers, bus: Redis) -> None:
    target = Target()
    async with registered(servers, 0, 1), listening(servers, target, replica=1), caller(servers) as calling:
        await calling.sees(2)
        for _ in range(4):  # nobody listens where replica 0 is listed
            assert await calling.client.call("probe", "POST", "/v1/x") == "fine"
    assert len(target.requests) == 4


async def test_a_post_waits_for_a_replica_that_is_about_to_come(servers: Servers, bus: Redis) -> None:
    target = Target()
    async with caller(servers) as calling, listening(servers, target):
        call = asyncio.create_task(calling.client.call("probe", "POST", "/v1/x"))
        async with registered(servers, 0):
            assert await call == "fine"


async def test_a_post_that_may_have_been_received_is_not_sent_again(servers: Servers, bus: Redis) -> None:
    async with registered(servers, 0), dropping(servers) as received, caller(servers) as calling:
        with pytest.raises(ServiceError) as caught:
            await calling.client.call("probe", "POST", "/v1/x")
    assert caught.value.code is UNAVAILABLE
    assert len(received) == 1


async def test_a_get_is_sent_again_to_another_replica(servers: Servers, bus: Redis) -> None:
    target = Target()
    async with (
        registered(servers, 0, 1),
        dropping(servers) as received,
        listening(servers, target, replica=1),
        caller(servers) as calling,
    ):
        await calling.sees(2)
        for _ in range(4):
            assert await calling.client.call("probe", "GET", "/v1/x") == "fine"
    assert len(target.requests) == 4
    assert received


async def test_nobody_there_is_unavailable(servers: Servers, bus: Redis) -> None:
    async with caller(servers) as calling:
        with pytest.raises(ServiceError) as caught:
            await calling.client.call("probe", "GET", "/v1/x")
    assert (caught.value.code, caught.value.details) == (UNAVAILABLE, {"service": "probe"})


def test_retries_are_bounded_by_a_budget_that_calls_earn() -> None:
    budget = RetryBudget(share=0.25, floor=0, most=2)
    assert [budget.spend() for _ in range(3)] == [True, True, False]
    for _ in range(4):
        budget.earn()
    assert [budget.spend(), budget.spend()] == [True, False]


async def test_the_remaining_time_travels_with_the_call(servers: Servers, bus: Redis) -> None:
    target = Target()
    async with registered(servers, 0), listening(servers, target), caller(servers) as calling:
        with deadline.within(10):
            await calling.client.call("probe", "GET", "/v1/x", timeout_s=30)
        await calling.client.call("probe", "GET", "/v1/x", timeout_s=20)
    first, second = (int(request[deadline.HEADER]) for request in target.requests)
    assert 0 < first <= 10_000
    assert 10_000 < second <= 20_000


async def test_a_call_ends_at_its_deadline(servers: Servers, bus: Redis) -> None:
    target = Target(before=asyncio.Event().wait)
    async with registered(servers, 0), listening(servers, target), caller(servers) as calling:
        started = time.monotonic()
        with pytest.raises(ServiceError) as caught:
            await calling.client.call("probe", "GET", "/v1/x", timeout_s=0.2)
        assert time.monotonic() - started < 4  # not the five seconds of a call without a deadline
    assert caught.value.code is TIMED_OUT


async def test_the_target_s_own_error_passes_through(servers: Servers, bus: Redis) -> None:
    target = Target(status=409, body=envelope(9001, "TAKEN", "It is taken", {"by": "you"}))
    async with registered(servers, 0), listening(servers, target), caller(servers) as calling:
        with pytest.raises(ServiceError) as caught:
            await calling.client.call("probe", "GET", "/v1/x")
    error = caught.value
    assert (error.code.number, error.code.name, error.code.status) == (9001, "TAKEN", 409)
    assert (error.message, error.details) == ("It is taken", {"by": "you"})


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"code":"text"}', b""])
async def test_a_failure_that_is_not_an_envelope_is_unavailable(servers: Servers, bus: Redis, body: bytes) -> None:
    target = Target(status=502, body=body)
    async with registered(servers, 0), listening(servers, target), caller(servers) as calling:
        with pytest.raises(ServiceError) as caught:
            await calling.client.call("probe", "GET", "/v1/x")
    assert caught.value.code is UNAVAILABLE


async def test_an_answer_that_breaks_off_is_unavailable(servers: Servers, bus: Redis) -> None:
    async def half(_scope: Scope, _receive: Receive, send: Send) -> None:
        headers = [(b"content-length", b"100")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"{", "more_body": True})

    async with registered(servers, 0), listening(servers, half), caller(servers) as calling:
        with pytest.raises(ServiceError) as caught:
            await calling.client.call("probe", "GET", "/v1/x")
    assert caught.value.code is UNAVAILABLE


async def test_the_circuit_opens_after_five_failures_tries_again_and_closes(servers: Servers, bus: Redis) -> None:
    target = Target(status=503, body=envelope(1008, "UNAVAILABLE", "its database is away", {}))
    async with registered(servers, 0), listening(servers, target), caller(servers) as calling:

        async def fails() -> ServiceError:
            with pytest.raises(ServiceError) as caught:
                await calling.client.call("probe", "GET", "/v1/x")
            return caught.value

        for _ in range(5):
            assert (await fails()).code.status == 503
        refused = await fails()
        assert (refused.code, refused.details["circuit"]) == (UNAVAILABLE, "open")
        assert len(target.requests) == 5  # the open circuit asked nobody
        await eventually(lambda: _asked(fails, target, 6), "the half-open circuit lets one through")
        assert (await fails()).details["circuit"] == "open"  # it failed: open again
        target.status, target.body = 200, Target().body

        async def answers() -> bool:
            try:
                return bool(await calling.client.call("probe", "GET", "/v1/x") == "fine")
            except ServiceError:
                return False

        await eventually(answers, "the circuit closes")
        assert await answers()


@pytest.mark.parametrize("status", [404, 429, 500])
async def test_answers_of_a_target_that_is_there_do_not_open_the_circuit(
    servers: Servers, bus: Redis, status: int
) -> None:
    target = Target(status=status, body=envelope(1004, "NOT_FOUND", "no", {}))
    async with registered(servers, 0), listening(servers, target), caller(servers) as calling:
        for _ in range(12):
            with pytest.raises(ServiceError) as caught:
                await calling.client.call("probe", "GET", "/v1/x")
            assert caught.value.code.status == status
    assert len(target.requests) == 12


async def test_callers_that_give_up_do_not_open_the_circuit_and_running_out_of_time_does(
    servers: Servers, bus: Redis
) -> None:
    target = Target(before=asyncio.Event().wait)
    async with registered(servers, 0), listening(servers, target), caller(servers, open_s=30) as calling:
        for n in range(1, 7):
            call = asyncio.create_task(calling.client.call("probe", "GET", "/v1/x"))
            await eventually(lambda n=n: _received(target, n), "the request arrived")  # type: ignore[misc]
            call.cancel()
            await asyncio.wait([call])
        outcomes = []
        for _ in range(6):
            with pytest.raises(ServiceError) as caught:
                await calling.client.call("probe", "GET", "/v1/x", timeout_s=0.05)
            outcomes.append(caught.value.code)
    assert outcomes == [TIMED_OUT] * 5 + [UNAVAILABLE]


async def test_a_time_that_the_caller_had_shortened_opens_no_circuit(servers: Servers, bus: Redis) -> None:
    target = Target(before=asyncio.Event().wait)
    async with registered(servers, 0), listening(servers, target), caller(servers, open_s=30) as calling:
        for _ in range(7):
            with pytest.raises(ServiceError) as caught, deadline.within(0.02):
                await calling.client.call("probe", "GET", "/v1/x", timeout_s=5)
            assert caught.value.code is TIMED_OUT
        target.before = None
        assert await calling.client.call("probe", "GET", "/v1/x") == "fine"


async def test_what_cannot_be_sent_and_readers_that_fail_open_no_circuit(servers: Servers, bus: Redis) -> None:
    target = Target()
    async with registered(servers, 0), listening(servers, target), caller(servers, open_s=30) as calling:
        for _ in range(7):
            request = Outbound(target="probe", method="GET", path="/v1/x", headers={"x-a": "b\r\nx-c: d"})
            with pytest.raises(ValueError, match=r"(?i)header"):
                async with calling.client.exchange(request, timeout_s=5):
                    pass
        for _ in range(7):
            request = Outbound(target="probe", method="GET", path="/v1/x")
            with pytest.raises(LookupError):
                async with calling.client.exchange(request, timeout_s=5):
                    raise LookupError
        assert await calling.client.call("probe", "GET", "/v1/x") == "fine"


async def test_who_passes_an_answer_on_may_take_longer_than_the_target(servers: Servers, bus: Redis) -> None:
    target = Target()
    async with registered(servers, 0), listening(servers, target), caller(servers, open_s=30) as calling:
        request = Outbound(target="probe", method="GET", path="/v1/x")
        for _ in range(6):
            async with calling.client.exchange(request, timeout_s=0.5, whole=False) as response:
                await asyncio.sleep(0.55)  # longer than the limit: a reader of one's own is slow
                assert b"fine" in await response.read()


async def _received(target: Target, count: int) -> bool:
    return len(target.requests) >= count


async def _asked(attempt: Callable[[], Awaitable[object]], target: Target, count: int) -> bool:
    await attempt()
    return len(target.requests) >= count
