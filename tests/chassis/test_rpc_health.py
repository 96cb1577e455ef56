"""The standard gRPC health service, asked by somebody without a token."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import grpc
import pytest
from redis.asyncio import Redis

from services.chassis.http import Health
from services.chassis.rpc_health import RpcHealth, ServingStatus
from tests.chassis.servers import Servers
from tests.chassis.test_rpc import SERVICE, Factors, health, server, stranger

PATIENCE_S = 20.0  # of a stop that something holds up


def check(channel: grpc.aio.Channel, state: RpcHealth) -> Any:
    return channel.unary_unary(
        "/grpc.health.v1.Health/Check",
        request_serializer=lambda request: request.SerializeToString(),
        response_deserializer=state.response.FromString,
    )


def watch(channel: grpc.aio.Channel, state: RpcHealth) -> Any:
    return channel.unary_stream(
        "/grpc.health.v1.Health/Watch",
        request_serializer=lambda request: request.SerializeToString(),
        response_deserializer=state.response.FromString,
    )


@pytest.mark.parametrize("name", ["", SERVICE])
async def test_the_health_service_answers_anybody_and_says_not_serving_while_draining(
    servers: Servers, bus: Redis, name: str
) -> None:
    state = health()
    async with server(servers, Factors(), state), stranger(servers) as channel:
        request = state.request(service=name)
        assert (await check(channel, state)(request, timeout=5)).status == ServingStatus.SERVING
        state.drain()
        assert (await check(channel, state)(request, timeout=5)).status == ServingStatus.NOT_SERVING


async def test_the_health_service_follows_the_checks_of_readiness(servers: Servers, bus: Redis) -> None:
    async def broken() -> None:
        raise OSError("no database")

    readiness = Health()
    state = RpcHealth(readiness.failures)
    async with server(servers, Factors(), state), stranger(servers) as channel:
        readiness.checks["database"] = broken
        answer = await check(channel, state)(state.request(), timeout=5)
        assert answer.status == ServingStatus.NOT_SERVING


async def test_the_health_service_does_not_know_what_is_not_served_here(servers: Servers, bus: Redis) -> None:
    state = health()
    async with server(servers, Factors(), state), stranger(servers) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await check(channel, state)(state.request(service="nobody"), timeout=5)
        assert caught.value.code() is grpc.StatusCode.NOT_FOUND
        async for answer in watch(channel, state)(state.request(service="nobody"), timeout=5):
            assert answer.status == ServingStatus.SERVICE_UNKNOWN
            break


async def test_a_watch_hears_of_the_drain_and_does_not_hold_up_the_stop(servers: Servers, bus: Redis) -> None:
    state = health()
    seen: list[int] = []
    async with server(servers, Factors(), state, patience_s=PATIENCE_S) as running, stranger(servers) as channel:
        async for answer in watch(channel, state)(state.request(), timeout=10):
            seen.append(answer.status)
            if answer.status == ServingStatus.SERVING:
                state.drain()
            else:
                started = time.monotonic()
                stopping = asyncio.create_task(running.shutdown())
        await stopping
        assert time.monotonic() - started < PATIENCE_S / 2
    assert seen == [ServingStatus.SERVING, ServingStatus.NOT_SERVING]
