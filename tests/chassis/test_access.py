"""What a caller may do: which routes let in whom, and which operations a peer may invoke."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from fastapi import APIRouter

from autional_cli import secrets
from autional_cli.instance import Instance
from services.chassis.access import Peer, User, Visitor
from services.chassis.auth import Principal, Signer, Verifier
from services.chassis.clock import new_id
from services.chassis.dto import Envelope, ok
from services.chassis.errors import FORBIDDEN, UNAUTHENTICATED, ServiceError
from services.chassis.http import Health, create_app, refuse_undeclared
from tests.chassis.servers import GATEWAY, PROBE, WITNESS

USER = new_id()
OPERATION = "GET /v1/internal/things/{thing_id}"
CALLER = replace(WITNESS, invokes=(f"probe {OPERATION}", "probe/Read"))


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    instance = Instance.open(tmp_path_factory.mktemp("keys"), "keys")
    instance.create()
    secrets.ensure_keys(instance, [GATEWAY, PROBE, CALLER, replace(WITNESS, name="stranger", invokes=())])
    yield instance
    instance.discard_run_dir()


@pytest.fixture(scope="module")
def verifier(keys: Instance) -> Verifier:
    return Verifier("probe", secrets.trust_file(keys))


def signer(keys: Instance, service: str) -> Signer:
    return Signer(service, secrets.key_file(keys, service))


def test_a_route_that_does_not_say_who_may_call_it_keeps_the_service_from_starting(verifier: Verifier) -> None:
    router, outer = APIRouter(), APIRouter()

    @router.get("/v1/open")
    async def forgotten() -> None: ...

    outer.include_router(router)
    with pytest.raises(ValueError, match="/v1/open"):
        refuse_undeclared(create_app(PROBE, [outer], Health(), verifier))


async def test_each_kind_of_route_lets_in_its_callers_alone(keys: Instance, verifier: Verifier) -> None:
    from tests.chassis.asgi_client import get

    router = APIRouter()

    @router.get("/v1/user")
    async def for_users(caller: User) -> Envelope[UUID]:
        return ok(caller.user_id)

    @router.get("/v1/visitor")
    async def for_visitors(caller: Visitor) -> Envelope[str]:
        return ok(caller.caller)

    @router.get("/v1/internal/things/{thing_id}")
    async def for_peers(thing_id: str, caller: Peer) -> Envelope[str]:
        return ok(caller.caller)

    @router.get("/v1/internal/others/{thing_id}")
    async def for_nobody(thing_id: str, caller: Peer) -> Envelope[str]:
        return ok(caller.caller)

    app = create_app(PROBE, [router], Health(), verifier)
    gateway, witness = signer(keys, "gateway"), signer(keys, "witness")
    tokens = {
        "user": gateway.token("probe", Principal("gateway", USER, new_id())),
        "visitor": gateway.token("probe"),
        "half": gateway.token("probe", Principal("gateway", USER)),
        "peer": witness.token("probe"),
        "stranger": signer(keys, "stranger").token("probe"),
        "nobody": "",
    }
    inside = {"user": 403, "visitor": 403, "half": 403, "nobody": 401, "stranger": 403}
    expected = {
        "/v1/user": {"user": 200, "visitor": 401, "half": 401, "peer": 403, "stranger": 403, "nobody": 401},
        "/v1/visitor": {"user": 200, "visitor": 200, "half": 200, "peer": 403, "stranger": 403, "nobody": 401},
        "/v1/internal/things/7": {**inside, "peer": 200},
        "/v1/internal/others/7": {**inside, "peer": 403},
    }
    found = {
        path: {who: (await get(app, path, {"x-autional-identity": token})).status for who, token in tokens.items()}
        for path in expected
    }
    assert found == expected


def allowed(verifier: Verifier, ask: Callable[[], Principal]) -> bool:
    try:
        ask()
    except ServiceError as error:
        assert error.code is FORBIDDEN
        return False
    return True


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/v1/internal/things/7", True),
        ("GET", "/v1/internal/things/%37", True),
        ("POST", "/v1/internal/things/7", False),
        ("get", "/v1/internal/things/7", False),
        ("GET", "/v1/internal/things/", False),
        ("GET", "/v1/internal/things/7/", False),
        ("GET", "/v1/internal/things/7/owner", False),
        ("GET", "/v1/internal/things/7\n", True),  # one segment; the router decides what it is
        ("GET", "x/v1/internal/things/7", False),
    ],
)
def test_a_peer_may_invoke_the_declared_operation_alone(
    keys: Instance, verifier: Verifier, method: str, path: str, expected: bool
) -> None:
    token = signer(keys, "witness").token("probe")
    assert allowed(verifier, lambda: verifier.verify_peer(token, method, path)) is expected


@pytest.mark.parametrize(
    ("caller", "method", "expected"),
    [
        ("witness", "autional.probe.v1.Things/Read", True),
        ("witness", "autional.probe.v1.Things/Write", False),
        ("witness", "autional.probe.v1.Things/", False),
        ("stranger", "autional.probe.v1.Things/Read", False),
        ("gateway", "autional.probe.v1.Things/Read", False),
    ],
)
def test_a_grpc_method_is_open_to_those_who_declare_it(
    keys: Instance, verifier: Verifier, caller: str, method: str, expected: bool
) -> None:
    token = signer(keys, caller).token("probe")
    assert allowed(verifier, lambda: verifier.verify_rpc(token, method)) is expected


def test_who_joins_or_leaves_the_trust_file_is_seen_without_a_restart(tmp_path: Path) -> None:
    instance = Instance.open(tmp_path, "joining")
    instance.create()
    secrets.ensure_keys(instance, [PROBE, GATEWAY])
    verifier = Verifier("probe", secrets.trust_file(instance))
    secrets.ensure_keys(instance, [PROBE, GATEWAY, CALLER])
    token = signer(instance, "witness").token("probe")
    assert allowed(verifier, lambda: verifier.verify_rpc(token, "Things/Read"))
    secrets.ensure_keys(instance, [PROBE, GATEWAY, replace(CALLER, invokes=(*CALLER.invokes, "probe/Write"))])
    assert allowed(verifier, lambda: verifier.verify_rpc(token, "Things/Write"))
    secrets.key_file(instance, "witness").unlink()
    secrets.ensure_keys(instance, [PROBE, GATEWAY, CALLER])  # a lost key is replaced, and the new one is trusted
    assert verifier.verify(signer(instance, "witness").token("probe")).caller == "witness"
    secrets.trust_file(instance).write_text("{")
    assert verifier.verify(signer(instance, "witness").token("probe")).caller == "witness"
    secrets.ensure_keys(instance, [PROBE, GATEWAY])
    gone = Verifier("probe", secrets.trust_file(instance))
    with pytest.raises(ServiceError) as caught:
        gone.verify(signer(instance, "witness").token("probe"))
    assert caught.value.code is UNAUTHENTICATED
    instance.discard_run_dir()


def test_a_spec_cannot_invoke_what_it_does_not_call() -> None:
    with pytest.raises(ValueError, match=r"not in SPEC\.calls"):
        replace(WITNESS, calls=(), invokes=("probe/Read",))
