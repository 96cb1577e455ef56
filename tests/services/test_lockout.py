"""The lockout on a real bus: who is refused, for how long, and what happens when the bus refuses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Redis

from services.chassis.address import network
from services.chassis.errors import TOO_MANY_REQUESTS, UNAVAILABLE, ErrorCode, ServiceError
from services.chassis.redis import connect
from services.identity.errors import LOCKED
from services.identity.lockout import MAX_PER_NETWORK, Lockout
from services.identity.service import SPEC
from tests.chassis.servers import Servers

EMAIL, HERE, ELSEWHERE = "owner@example.org", "203.0.113.1", "198.51.100.1"


@pytest.fixture
async def bus(servers: Servers) -> AsyncIterator[Redis]:
    async with connect(servers.operator_url("redis"), name="test") as operator:
        await operator.flushall()
        async with connect(servers.settings(SPEC).bus_url.get_secret_value(), name="identity") as found:
            yield found
        await operator.flushall()


@pytest.fixture
def lockout(bus: Redis) -> Lockout:
    return Lockout(bus, first_pause_s=100, longest_pause_s=6000)  # far longer than a test takes


async def refusal(lockout: Lockout, email: str, address: str) -> tuple[ErrorCode, int] | None:
    """Fail once; return code and seconds to wait if the attempt was not let in."""
    try:
        await lockout.reserve(email, address)
    except ServiceError as error:
        return error.code, int(error.headers["Retry-After"])
    return None


async def test_parallel_attempts_do_not_slip_past_the_limit(lockout: Lockout) -> None:
    found = await asyncio.gather(*(refusal(lockout, EMAIL, f"198.51.100.{n}") for n in range(20)))
    assert found.count(None) == 5
    assert {each[0] for each in found if each} == {LOCKED}


async def test_the_last_attempt_says_so(lockout: Lockout) -> None:
    assert [(await lockout.reserve(EMAIL, HERE)).last for _ in range(5)] == [False] * 4 + [True]


async def test_who_has_signed_in_from_a_network_is_not_locked_out_there_by_others(lockout: Lockout) -> None:
    await lockout.release(await lockout.reserve(EMAIL, HERE))
    for n in range(6):
        await refusal(lockout, EMAIL, f"198.51.100.{n}")
    assert await refusal(lockout, EMAIL, ELSEWHERE) is not None
    assert await refusal(lockout, EMAIL, HERE) is None
    await lockout.release(await lockout.reserve(EMAIL, HERE))
    assert await refusal(lockout, EMAIL, ELSEWHERE) is not None  # the owner's success gives guessers no new attempts


async def test_a_network_that_fails_is_slowed_down_and_those_known_there_are_not(lockout: Lockout) -> None:
    await lockout.release(await lockout.reserve(EMAIL, HERE))
    assert [await refusal(lockout, f"{n}@example.org", HERE) for n in range(MAX_PER_NETWORK)] == [
        None
    ] * MAX_PER_NETWORK
    assert await refusal(lockout, "first@example.org", HERE) is None  # and begins a pause
    refused = await refusal(lockout, "second@example.org", HERE)
    assert refused is not None
    assert refused[0] is TOO_MANY_REQUESTS
    assert await refusal(lockout, EMAIL, HERE) is None
    assert await refusal(lockout, "third@example.org", ELSEWHERE) is None


async def test_the_pause_doubles_up_to_a_limit_and_refused_attempts_do_not_prolong_it(
    lockout: Lockout, servers: Servers
) -> None:
    waits = []
    async with connect(servers.operator_url("redis"), name="test") as operator:
        for n in range(MAX_PER_NETWORK):
            await refusal(lockout, f"{n}@example.org", HERE)
        for n in range(9):
            assert await refusal(lockout, f"beyond-{n}@example.org", HERE) is None
            waits.append([await refusal(lockout, f"refused-{i}@example.org", HERE) for i in range(3)][-1])
            [pause] = [key async for key in operator.scan_iter("limits:identity:pause:*")]
            await operator.delete(pause)  # as if it had passed
    expected = [100, 200, 400, 800, 1600, 3200, 6000, 6000, 6000]
    assert all(each and limit / 2 < each[1] <= limit for each, limit in zip(waits, expected, strict=True)), waits


async def test_a_success_takes_back_the_pause_that_it_began(lockout: Lockout) -> None:
    for n in range(MAX_PER_NETWORK):
        await refusal(lockout, f"{n}@example.org", HERE)
    await lockout.release(await lockout.reserve(EMAIL, HERE))
    assert await refusal(lockout, "somebody@example.org", HERE) is None


async def test_an_outage_of_ours_gives_the_attempt_back(lockout: Lockout) -> None:
    for _ in range(20):
        reservation = await lockout.reserve(EMAIL, HERE)
        with pytest.raises(ServiceError):
            async with lockout.spared_in_outage(reservation):
                raise ServiceError(UNAVAILABLE)
    assert await refusal(lockout, EMAIL, HERE) is None


async def test_a_bus_that_refuses_writes_is_unavailable_and_never_a_failure(lockout: Lockout, servers: Servers) -> None:
    reservation = await lockout.reserve(EMAIL, HERE)
    async with connect(servers.operator_url("redis"), name="test") as operator:
        await operator.config_set("maxmemory", 1)
        try:
            with pytest.raises(ServiceError) as caught:
                await lockout.reserve(EMAIL, HERE)
            assert caught.value.code is UNAVAILABLE
            await lockout.release(reservation)  # the sign-in has succeeded, whatever the bus says
            await lockout.forget(EMAIL)
            with pytest.raises(ServiceError) as caught:
                async with lockout.spared_in_outage(reservation):
                    raise ServiceError(UNAVAILABLE)
        finally:
            await operator.config_set("maxmemory", 0)
    assert await refusal(lockout, EMAIL, HERE) is None


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("unknown", "unknown"),
    ],
)
def test_what_counts_as_one_network(address: str, expected: str) -> None:
    assert network(address) == expected


@given(st.text())
def test_no_text_makes_it_fail(text: str) -> None:
    assert isinstance(network(text), str)
