"""The rules of identity."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.errors import ServiceError
from services.identity.domain import (
    LIFETIME,
    MIN_PASSWORD,
    Purpose,
    check_password,
    new_token,
    normalise_email,
    token_hash,
)
from services.identity.errors import WEAK_PASSWORD
from services.identity.passwords import PasswordHasher

EMAIL = "marie.curie@example.org"


@pytest.mark.parametrize(
    "password",
    [
        "short",
        "x" * (MIN_PASSWORD - 1),
        "password1234",
        "PassWord1234",
        "1234567890",
        "aaaaaaaaaaaaaaa",
        "abababababab",
        "marie.curie1898",
        "I-am-MARIE.CURIE",
    ],
)
def test_a_password_that_guessing_finds_first_is_refused(password: str) -> None:
    with pytest.raises(ServiceError) as caught:
        check_password(password, EMAIL)
    assert caught.value.code is WEAK_PASSWORD
    assert caught.value.details["reason"]


@pytest.mark.parametrize("password", ["polonium and radium", "7Gq!v0Zp#2", "пароль-для-теста", "🔑🔒🗝🛡 four locks"])
def test_a_password_that_is_long_and_not_common_is_accepted(password: str) -> None:
    check_password(password, EMAIL)


def test_a_short_local_part_does_not_forbid_its_letters() -> None:
    check_password("bob likes long passwords", "bob@example.org")


@given(st.emails())
def test_an_address_is_the_same_in_any_case_and_with_blanks_around(email: str) -> None:
    assert normalise_email(f"  {email.upper()} ") == normalise_email(email.upper())
    assert normalise_email(normalise_email(email)) == normalise_email(email)


def test_tokens_are_long_never_repeat_and_are_stored_as_a_hash() -> None:
    tokens = {new_token() for _ in range(200)}
    assert len(tokens) == 200
    assert min(map(len, tokens)) >= 43  # 32 bytes
    token = tokens.pop()
    assert token.encode() not in token_hash(token)
    assert token_hash(token) == token_hash(token) != token_hash(token + "x")


def test_a_reset_link_lives_shorter_than_a_verification_link() -> None:
    assert LIFETIME[Purpose.RESET] < LIFETIME[Purpose.VERIFY]


async def test_hashing_accepts_the_password_and_no_other_and_nobody_s_takes_as_long() -> None:
    hasher = PasswordHasher()
    encoded = await hasher.hash("polonium and radium")
    assert "$argon2id$v=19$m=19456,t=2,p=1$" in encoded
    assert await hasher.verify(encoded, "polonium and radium")
    assert not await hasher.verify(encoded, "polonium and Radium")
    assert not await hasher.verify(None, "polonium and radium")
    assert not await hasher.verify("not a hash", "polonium and radium")
    assert not hasher.outdated(encoded)
    assert hasher.outdated(encoded.replace("t=2", "t=1"))
    hasher.close()
