"""Tokens between services: what is refused, and who may vouch for whom."""

from __future__ import annotations

import base64
import hmac
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest
from fastapi import APIRouter
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey

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


def forge(keys: Instance, key_of: str, header: dict[str, Any] | None = None, **claims: Any) -> str:
    now = int(time.time())
    content = {"iss": "gateway", "aud": "probe", "iat": now, "exp": now + 10, **claims}
    content = {name: value for name, value in content.items() if value is not None}
    key = ECKey.import_key(secrets.key_file(keys, key_of).read_text())
    return jwt.encode({"alg": "ES256", "kid": "gateway", **(header or {})}, content, key)


def unsigned(header: dict[str, Any], claims: dict[str, Any], signature: str = "") -> str:
    parts = [_encode(orjson.dumps(part)) for part in (header, claims)]
    return ".".join([*parts, signature])


def refused(verifier: Verifier, token: str) -> bool:
    with pytest.raises(ServiceError) as caught:
        verifier.verify(token)
    return caught.value.code is UNAUTHENTICATED


def test_the_gateway_vouches_for_a_user(keys: Instance, verifier: Verifier) -> None:
    session = new_id()
    about = Principal("gateway", USER, session, "203.0.113.9", "browser")
    assert verifier.verify(signer(keys, "gateway").token("probe", about)) == about


def test_a_service_vouches_for_itself(keys: Instance, verifier: Verifier) -> None:
    assert verifier.verify(signer(keys, "witness").token("probe")) == Principal("witness")


def test_a_service_other_than_the_gateway_cannot_vouch_for_a_user(keys: Instance, verifier: Verifier) -> None:
    assert refused(verifier, signer(keys, "witness").token("probe", Principal("witness", USER, new_id())))


def test_a_token_for_another_service_is_refused(keys: Instance, verifier: Verifier) -> None:
    assert refused(verifier, signer(keys, "gateway").token("witness"))


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": 1000},
        {"exp": None},
        {"iat": 9_000_000_000, "exp": 9_000_000_010},
        {"exp": int(time.time()) + 3600},
        {"iat": int(time.time()) - 3600},
        {"iat": int(time.time()) - 40, "exp": int(time.time()) - 30},
        {"exp": 10**400},
        {"exp": True},
        {"iat": None},
        {"exp": "soon"},
        {"iss": None},
        {"iss": "witness"},
        {"aud": None},
        {"aud": ["probe"]},
        {"aud": ""},
        {"sub": "not a uuid"},
        {"sub": 7},
        {"sid": {}},
    ],
)
def test_a_token_with_claims_that_do_not_fit_is_refused(
    keys: Instance, verifier: Verifier, claims: dict[str, Any]
) -> None:
    verifier.verify(forge(keys, "gateway"))  # is good without them
    assert refused(verifier, forge(keys, "gateway", **claims))


def test_a_token_signed_by_another_service_that_claims_to_be_the_gateway_is_refused(
    keys: Instance, verifier: Verifier
) -> None:
    assert refused(verifier, forge(keys, "witness", sub=str(USER)))
    assert refused(verifier, forge(keys, "witness", {"kid": "witness"}, sub=str(USER)))


@pytest.mark.parametrize("kid", ["nobody", "", 7, None])
def test_a_token_with_a_wrong_key_id_is_refused(keys: Instance, verifier: Verifier, kid: Any) -> None:
    header = {"alg": "ES256"} if kid is None else {"alg": "ES256", "kid": kid}
    claims = {"iss": "gateway", "aud": "probe", "iat": int(time.time()), "exp": int(time.time()) + 10}
    good = forge(keys, "gateway").rpartition(".")[2]
    assert refused(verifier, unsigned(header, claims, good))


def test_tokens_without_or_with_a_symmetric_signature_are_refused(keys: Instance, verifier: Verifier) -> None:
    claims = {"iss": "gateway", "aud": "probe", "iat": int(time.time()), "exp": int(time.time()) + 10}
    for alg in ("none", "None", "NONE", ""):
        assert refused(verifier, unsigned({"alg": alg, "kid": "gateway"}, claims))
    public = ECKey.import_key(secrets.key_file(keys, "gateway").read_text()).as_pem(private=False)
    for secret in (public, secrets.trust_file(keys).read_bytes()):
        # The classic confusion: the public key used as an HMAC secret.
        signed = unsigned({"alg": "HS256", "kid": "gateway"}, claims).rstrip(".")
        mac = hmac.digest(secret, signed.encode(), "sha256")
        assert refused(verifier, f"{signed}.{_encode(mac)}")


def test_an_altered_token_is_refused(keys: Instance, verifier: Verifier) -> None:
    head, body, signature = forge(keys, "gateway").split(".")
    other = unsigned({}, {"iss": "gateway", "aud": "probe", "iat": 0, "exp": 9e9, "sub": str(USER)}).split(".")[1]
    for rest in (f"{other}.{signature}", body, f"{body}.", f"{body}.{signature[:-4]}"):
        assert refused(verifier, f"{head}.{rest}")


@given(st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_no_text_whatsoever_is_taken_for_a_token_or_raises_anything_else(verifier: Verifier, token: str) -> None:
    assert refused(verifier, token)


def test_tokens_are_reused_for_half_their_life_and_never_across_users(keys: Instance) -> None:
    gateway = signer(keys, "gateway")
    one, two = Principal("gateway", USER, new_id()), Principal("gateway", new_id(), new_id())
    assert gateway.token("probe", one) == gateway.token("probe", one)
    assert len({gateway.token("probe", one), gateway.token("probe", two), gateway.token("witness", one)}) == 3


# Access of routes


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


# What a peer may invoke


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
    assert refused(gone, signer(instance, "witness").token("probe"))
    instance.discard_run_dir()


def test_a_spec_cannot_invoke_what_it_does_not_call() -> None:
    with pytest.raises(ValueError, match=r"not in SPEC\.calls"):
        replace(WITNESS, calls=(), invokes=("probe/Read",))


def test_a_key_file_that_is_not_a_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text("no key")
    with pytest.raises(ValueError, match="deserialize key"):
        Signer("probe", tmp_path / "key.pem")


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
