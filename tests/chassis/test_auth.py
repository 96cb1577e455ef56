"""Tokens between services: what is refused, and who may vouch for whom."""

from __future__ import annotations

import base64
import hmac
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey

from autional_cli import secrets
from autional_cli.instance import Instance
from services.chassis.auth import Principal, Signer, Verifier
from services.chassis.clock import new_id
from services.chassis.errors import UNAUTHENTICATED, ServiceError
from tests.chassis.servers import GATEWAY, PROBE, WITNESS

USER = new_id()


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    instance = Instance.open(tmp_path_factory.mktemp("keys"), "keys")
    instance.create()
    secrets.ensure_keys(instance, [GATEWAY, PROBE, WITNESS])
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


def test_a_key_file_that_is_not_a_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text("no key")
    with pytest.raises(ValueError, match="deserialize key"):
        Signer("probe", tmp_path / "key.pem")


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def test_a_key_that_was_made_anew_is_used_by_who_signs_and_who_verifies(tmp_path: Path) -> None:
    instance = Instance.open(tmp_path, "renewed")
    instance.create()
    secrets.ensure_keys(instance, [GATEWAY, PROBE])
    signs, verifies = signer(instance, "gateway"), Verifier("probe", secrets.trust_file(instance))
    before = signs.token("probe")
    assert verifies.verify(before) == Principal("gateway")
    secrets.key_file(instance, "gateway").unlink()
    secrets.ensure_keys(instance, [GATEWAY, PROBE])
    deadline = time.monotonic() + 10
    while signs.token("probe") == before:  # both look once a second
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert verifies.verify(signs.token("probe")) == Principal("gateway")
    secrets.key_file(instance, "gateway").unlink()
    time.sleep(1.1)  # past the next look
    assert verifies.verify(signs.token("probe")) == Principal("gateway")  # it signs with what it has
    instance.discard_run_dir()
