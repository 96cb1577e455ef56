"""Secrets: generated once, private, and never shown."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from autional_cli import secrets
from autional_cli.errors import AutionalError, ExitCode
from autional_cli.instance import Instance

from .made import spec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


SPEC = {name: spec(name, port) for name, port in (("gateway", 11000), ("identity", 11001), ("mfa", 11005))}


def trusted(instance: Instance) -> set[str]:
    return {key["kid"] for key in json.loads(secrets.trust_file(instance).read_bytes())["keys"]}


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Instance]:
    opened = Instance.open(tmp_path, "test")
    opened.create()
    yield opened
    opened.discard_run_dir()


def test_before_the_first_start_there_are_none(instance: Instance) -> None:
    assert secrets.read(instance) is None


def test_they_are_generated_once_and_only_what_is_missing_is_added(instance: Instance) -> None:
    first = secrets.ensure(instance, ["identity"])
    assert secrets.ensure(instance, ["identity"]) == first == secrets.read(instance)
    larger = secrets.ensure(instance, ["session"])
    assert larger.operator == first.operator
    assert larger.services["identity"] == first.services["identity"]
    assert set(larger.services) == {"identity", "session"}


def test_every_one_is_different_and_has_256_bits(instance: Instance) -> None:
    found = secrets.ensure(instance, ["identity", "session"])
    values = [found.operator, *(value for each in found.services.values() for value in each.values())]
    assert len(set(values)) == len(values) == 1 + 2 * (len(secrets.RESOURCES) + 1)
    assert all(len(base64.urlsafe_b64decode(value + "=")) == 32 for value in values)


def test_the_file_is_private_and_a_copy_in_a_log_line_shows_nothing(instance: Instance) -> None:
    found = secrets.ensure(instance, ["identity"])
    assert instance.secrets_file.stat().st_mode & 0o777 == 0o600
    assert found.operator not in f"{found!r} {found}"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_file_that_others_may_read_is_refused_with_the_fix(instance: Instance, mode: int) -> None:
    secrets.ensure(instance, ["identity"])
    instance.secrets_file.chmod(mode)
    with pytest.raises(AutionalError, match="others may read it") as caught:
        secrets.ensure(instance, ["identity"])
    assert caught.value.hint == f"chmod 600 {instance.secrets_file}"
    assert caught.value.exit_code is ExitCode.CONFIGURATION


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"operator": 1, "services": []}'])
def test_a_broken_file_is_an_error_and_is_not_replaced(instance: Instance, content: str) -> None:
    instance.secrets_file.write_text(content)
    instance.secrets_file.chmod(0o600)
    with pytest.raises(AutionalError, match="is not readable as secrets"):
        secrets.ensure(instance, ["identity"])
    assert instance.secrets_file.read_text() == content


def test_a_token_signed_with_a_services_key_is_trusted_by_all(instance: Instance) -> None:
    secrets.ensure_keys(instance, [SPEC["gateway"], SPEC["identity"]])
    private = ECKey.import_key(secrets.key_file(instance, "gateway").read_text())
    trusted = KeySet.import_key_set({"keys": json.loads(secrets.trust_file(instance).read_text())["keys"]})
    token = jwt.encode({"alg": "ES256", "kid": "gateway"}, {"sub": "user"}, private)
    assert jwt.decode(token, trusted).claims == {"sub": "user"}


def test_keys_survive_and_new_services_join_the_trust_file(instance: Instance) -> None:
    secrets.ensure_keys(instance, [SPEC["gateway"]])
    before = secrets.key_file(instance, "gateway").read_bytes()
    secrets.ensure_keys(instance, [SPEC["gateway"], SPEC["mfa"]])
    assert secrets.key_file(instance, "gateway").read_bytes() == before
    assert trusted(instance) == {"gateway", "mfa"}
    assert "d" not in json.loads(secrets.trust_file(instance).read_text())["keys"][0]


def test_keys_are_private_and_an_exposed_one_is_refused(instance: Instance) -> None:
    secrets.ensure_keys(instance, [SPEC["gateway"]])
    path = secrets.key_file(instance, "gateway")
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o644)
    with pytest.raises(AutionalError, match="others may read it"):
        secrets.ensure_keys(instance, [SPEC["gateway"]])


def test_a_lost_trust_file_is_made_again(instance: Instance) -> None:
    secrets.ensure_keys(instance, [SPEC["gateway"]])
    secrets.trust_file(instance).write_text("{")
    secrets.ensure_keys(instance, [SPEC["gateway"]])
    assert trusted(instance) == {"gateway"}


def test_a_lost_key_is_made_again_and_trusted(instance: Instance) -> None:
    secrets.ensure_keys(instance, [SPEC["gateway"], SPEC["identity"]])
    secrets.key_file(instance, "identity").unlink()
    secrets.ensure_keys(instance, [SPEC["gateway"], SPEC["identity"]])
    private = ECKey.import_key(secrets.key_file(instance, "identity").read_text())
    keys = KeySet.import_key_set({"keys": json.loads(secrets.trust_file(instance).read_text())["keys"]})
    assert jwt.decode(jwt.encode({"alg": "ES256", "kid": "identity"}, {}, private), keys).claims == {}


def test_a_service_that_left_the_platform_is_not_trusted_any_more(instance: Instance) -> None:
    secrets.ensure_keys(instance, [SPEC["gateway"], SPEC["identity"]])
    secrets.ensure_keys(instance, [SPEC["gateway"]])
    assert trusted(instance) == {"gateway"}


def test_the_trust_file_says_what_each_service_may_invoke(instance: Instance) -> None:
    caller = replace(spec("point", 11008, "identity"), invokes=("identity/Read",))
    secrets.ensure_keys(instance, [SPEC["identity"], caller])
    assert json.loads(secrets.trust_file(instance).read_text())["invokes"] == {"point": ["identity/Read"]}
    made_at = secrets.trust_file(instance).stat().st_mtime_ns
    secrets.ensure_keys(instance, [SPEC["identity"], caller])
    assert secrets.trust_file(instance).stat().st_mtime_ns == made_at
    secrets.ensure_keys(instance, [SPEC["identity"], replace(caller, invokes=())])
    assert json.loads(secrets.trust_file(instance).read_text())["invokes"] == {}
