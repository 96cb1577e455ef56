"""Every service's own key against every operation inside: what is answered is what the caller's SPEC declares."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import grpc
import pytest

from autional_cli.workspace.discover import discover
from services.chassis.auth import EDGE, HEADER, Principal, Signer
from services.chassis.clock import new_id
from services.contracts import mfa_pb2, session_pb2
from tests.platform.running import ROOT, Platform

SPECS = discover(ROOT)
RPC = {
    f"{owner}/{method.name}": f"/{service.full_name}/{method.name}"
    for owner, contract in (("session", session_pb2), ("mfa", mfa_pb2))
    for service in contract.DESCRIPTOR.services_by_name.values()
    for method in service.methods
}


@pytest.fixture
def signers(platform: Platform) -> dict[str, Signer]:
    return {name: Signer(name, platform.home / "keys" / f"{name}.pem") for name in SPECS}


@pytest.fixture
def urls(platform: Platform) -> dict[str, str]:
    return {unit["name"]: unit["url"] for unit in platform.status()["services"]}


async def test_a_grpc_method_answers_those_who_declare_it(signers: dict[str, Signer], urls: dict[str, str]) -> None:
    expected = {(name, operation) for name, spec in SPECS.items() for operation in spec.invokes if operation in RPC}
    allowed = set()
    for operation, path in RPC.items():
        owner = operation.partition("/")[0]
        host, port = urls[owner].removeprefix("http://").split(":")
        async with grpc.aio.insecure_channel(f"{host}:{int(port) + 1000}") as channel:
            ask: Any = channel.unary_unary(path)  # type: ignore[call-arg]  # bytes need no serializer
            for caller, signer in signers.items():
                if await admitted(ask, signer.token(owner)):
                    allowed.add((caller, operation))
            assert not await admitted(ask, signers[EDGE].token("audit"))  # made for somebody else
    assert allowed == expected
    assert {operation for _, operation in allowed} == set(RPC)  # and no method is there for nobody


async def admitted(ask: Any, token: str) -> bool:
    """Whether a call gets beyond the question who makes it."""
    try:
        await ask(b"", metadata=((HEADER, token),), timeout=20)
    except grpc.aio.AioRpcError as error:
        assert error.code() in (
            grpc.StatusCode.PERMISSION_DENIED,
            grpc.StatusCode.UNAUTHENTICATED,
            grpc.StatusCode.INVALID_ARGUMENT,
            grpc.StatusCode.FAILED_PRECONDITION,
            grpc.StatusCode.NOT_FOUND,
        ), error
        trailing: Any = error.trailing_metadata() or ()
        return dict(trailing)["error-name"] not in ("FORBIDDEN", "UNAUTHENTICATED")
    return True


async def test_an_http_operation_answers_those_who_declare_it(
    signers: dict[str, Signer], urls: dict[str, str], http: aiohttp.ClientSession
) -> None:
    expected = {(name, each) for name, spec in SPECS.items() for each in spec.invokes if each not in RPC}
    allowed, walked = set(), 0
    for owner in SPECS.keys() - {EDGE}:  # the edge itself is for everybody
        async with http.get(f"{urls[owner]}/openapi.json") as answer:
            document = await answer.json()
        for route, methods in document["paths"].items():
            for method in methods:
                path = route.replace("{", "").replace("}", "")  # no UUID: nothing is done when it is let in
                for caller, signer in signers.items():
                    if caller == EDGE and "/internal/" not in route:
                        continue
                    walked += 1
                    if await enters(http, method, urls[owner] + path, signer.token(owner)):
                        allowed.add((caller, f"{owner} {method.upper()} {route}"))
    assert allowed == expected
    assert walked > 150


async def enters(http: aiohttp.ClientSession, method: str, url: str, token: str) -> bool:
    async with http.request(method, url, headers={HEADER: token}, json={}) as answer:
        assert answer.status < 500
        return answer.status not in (401, 403)


async def test_no_service_but_the_gateway_speaks_for_a_user(
    signers: dict[str, Signer], urls: dict[str, str], http: aiohttp.ClientSession
) -> None:
    victim = Principal("profile", new_id(), new_id())

    async def status(caller: str, target: str, path: str) -> int:
        headers = {HEADER: signers[caller].token(target, victim)}
        async with http.get(urls[target] + path, headers=headers) as answer:
            return answer.status

    targets = (("profile", "/v1/me"), ("identity", "/v1/me"), ("session", "/v1/sessions"), ("audit", "/v1/events"))
    callers = [name for name in SPECS if name != EDGE]
    found = await asyncio.gather(*(status(caller, *target) for caller in callers for target in targets))
    assert set(found) == {401}
