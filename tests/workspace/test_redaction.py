"""Every form of a secret is taken out of text, and what only looks like one stays."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from autional_cli.errors import AutionalError
from autional_cli.instance import Instance
from autional_cli.redaction import redact
from autional_cli.resources import postgres_roles
from autional_cli.resources.logins import Logins
from autional_cli.secrets import ensure, new_key

KEY = new_key()
SECRET = "Zm9vYmFyYmF6cXV4LXNlY3JldC12YWx1ZS0wMDE"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql+asyncpg://identity:hunter2@127.0.0.1/x", "postgresql+asyncpg://identity:***@127.0.0.1/x"),
        ("redis://:hunter2@h:1/0 and mongodb://u:p%40w@h", "redis://:***@h:1/0 and mongodb://u:***@h"),
        ("CREATE ROLE x PASSWORD 'it''s'; next", "CREATE ROLE x PASSWORD '***'; next"),
        ("alter role x encrypted password 'cut off", "alter role x encrypted password '***'"),
        ("host=h password=hunter2 user=u", "host=h password=*** user=u"),
        ("user identity on >x #" + "a1" * 32 + " ~*", "user identity on >x #*** ~*"),
        ("md5" + "0f" * 16, "md5***"),
    ],
)
def test_forms(text: str, shown: str) -> None:
    assert redact(text) == shown
    assert redact(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        "http://127.0.0.1:11000/docs",
        "POST /api/v1/identity/password: the password is too short",
        "user@example.com said x:y@z",
        "postgresql://identity@127.0.0.1/x",
        "password_reset requested",
        "digest a1" + "b2" * 31,
    ],
)
def test_near_misses_stay(text: str) -> None:
    assert redact(text) == text


def test_values_of_an_instance_go_wherever_they_are_and_even_if_cut(tmp_path: Path) -> None:
    instance = Instance.open(tmp_path, "test")
    instance.create()
    known = ensure(instance, ["identity"])
    for value in known.values:
        assert redact(f'{{"given": "{value}"}}') == '{"given": "***"}'
        assert redact(f"refused {value[:20]}") == "refused ***"
    failure = AutionalError(f"no {known.operator}", hint=f"try {known.sealing('identity')}")
    assert (str(failure), failure.message, failure.hint) == ("no ***", "no ***", "try ***")
    assert known.operator not in redact(Logins(resource="postgres", port=1, services=(), secrets=known).operator)


def test_verifiers_and_private_keys_go() -> None:
    said = redact(f"ERROR: x STATEMENT: ALTER ROLE identity PASSWORD {postgres_roles.verifier(SECRET)} LOGIN")
    assert said == "ERROR: x STATEMENT: ALTER ROLE identity PASSWORD '***' LOGIN"
    assert redact(postgres_roles.verifier(SECRET)) == "'SCRAM-SHA-256$***'"
    key = new_key()
    assert key.splitlines()[1] not in redact(f"bad key {key}")
    assert key.splitlines()[1] not in redact(f"bad key {key[:90]}")


@pytest.mark.parametrize(
    "said",
    [
        "PASSWORD 'cut off",
        "PASSWORD 'it''s whole' and more",
        f"key {KEY}",
        f"key {KEY[:60]}",
        "postgresql://u:hunter2@h/x?password=y&z=1",
        "user x on >hunter2 #" + "a1" * 32,
    ],
    ids=["cut", "whole", "key", "cut key", "url", "acl"],
)
def test_a_line_of_json_stays_one(said: str) -> None:
    line = redact(json.dumps({"event": said, "next": "it's \"quoted\" 'text'", "last": 1}))
    read = json.loads(line)
    assert (read["next"], read["last"]) == ("it's \"quoted\" 'text'", 1)
    assert read["event"] != said
    assert "hunter2@" not in line
