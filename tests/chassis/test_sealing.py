"""Secrets at rest: what was moved, altered or cut is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from services.chassis.sealing import Sealer, derive_key
from tests.chassis.servers import secret

SECRET = secret()
SEALER = Sealer(SECRET, "tests")


@given(st.binary(max_size=200), st.text(max_size=50))
def test_what_was_sealed_comes_back(plain: bytes, context: str) -> None:
    assert SEALER.open(SEALER.seal(plain, context), context) == plain


def test_the_same_plain_text_never_looks_the_same() -> None:
    assert SEALER.seal(b"x", "row") != SEALER.seal(b"x", "row")


def test_a_sealed_value_cannot_be_moved_to_another_row() -> None:
    with pytest.raises(ValueError, match="other-row"):
        SEALER.open(SEALER.seal(b"x", "row"), "other-row")


def test_every_altered_byte_is_noticed() -> None:
    sealed = SEALER.seal(b"secret", "row")
    for position in range(len(sealed)):
        altered = bytearray(sealed)
        altered[position] ^= 1
        with pytest.raises(ValueError, match="cannot be opened"):
            SEALER.open(bytes(altered), "row")


@pytest.mark.parametrize("length", [0, 1, 11, 12, 13, 27])
def test_a_cut_value_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match=r"."):
        SEALER.open(SEALER.seal(b"", "row")[:length], "row")


def test_another_purpose_or_another_service_s_secret_does_not_open_it() -> None:
    sealed = SEALER.seal(b"x", "row")
    for other in (Sealer(SECRET, "other"), Sealer(secret(), "tests")):
        with pytest.raises(ValueError, match="cannot be opened"):
            other.open(sealed, "row")


@pytest.mark.parametrize("weak", ["", "c2hvcnQ", "A" * 42])
def test_a_secret_that_is_too_short_is_refused(weak: str) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        derive_key(SecretStr(weak), "tests")
