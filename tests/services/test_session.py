"""The rules of sessions: tokens that cannot be made up, and what presenting an old one means."""

from __future__ import annotations

import base64
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.clock import new_id
from services.session.domain import REUSE_GRACE, Refresh, judge
from services.session.tokens import RefreshTokens
from tests.chassis.servers import secret

TOKENS = RefreshTokens(secret())
SESSION = new_id()


@given(st.uuids(), st.integers(0, 2**32 - 1))
def test_a_token_says_which_session_and_generation_it_is_of(session: object, generation: int) -> None:
    assert TOKENS.read_refresh(TOKENS.refresh(session, generation)) == (session, generation)  # type: ignore[arg-type]


def test_the_same_generation_always_has_the_same_token() -> None:
    assert TOKENS.refresh(SESSION, 3) == TOKENS.refresh(SESSION, 3) != TOKENS.refresh(SESSION, 4)


def test_every_altered_bit_is_noticed() -> None:
    raw = _decode(TOKENS.refresh(SESSION, 3))
    for position in range(len(raw) * 8):
        altered = bytearray(raw)
        altered[position // 8] ^= 1 << position % 8
        assert TOKENS.read_refresh(_encode(bytes(altered))) is None


def test_every_cut_or_lengthened_token_is_refused() -> None:
    token = TOKENS.refresh(SESSION, 3)
    raw = _decode(token)
    for length in range(len(token)):
        assert TOKENS.read_refresh(token[:length]) is None
    for longer in (raw + b"\0", b"\0" + raw, raw * 2):
        assert TOKENS.read_refresh(_encode(longer)) is None


def test_a_token_of_another_service_s_key_is_refused() -> None:
    assert TOKENS.read_refresh(RefreshTokens(secret()).refresh(SESSION, 3)) is None


def test_one_kind_of_token_is_not_taken_for_the_other() -> None:
    assert TOKENS.read_mfa(TOKENS.mfa(SESSION)) == SESSION
    assert TOKENS.read_mfa(TOKENS.refresh(SESSION, 0)) is None
    assert TOKENS.read_refresh(TOKENS.mfa(SESSION)) is None


@given(st.text() | st.binary(min_size=52, max_size=52).map(lambda raw: _encode(raw)))
def test_no_text_whatsoever_is_taken_for_a_token_or_raises(token: str) -> None:
    assert TOKENS.read_refresh(token) is None
    assert TOKENS.read_mfa(token) is None


@pytest.mark.parametrize(
    ("presented", "since", "verdict"),
    [
        (6, timedelta(0), Refresh.REPEATED),
        (6, REUSE_GRACE, Refresh.REPEATED),
        (6, REUSE_GRACE + timedelta(microseconds=1), Refresh.REUSED),
        (6, None, Refresh.REUSED),
        (5, timedelta(0), Refresh.REUSED),
        (0, timedelta(0), Refresh.REUSED),
        (8, timedelta(0), Refresh.REUSED),
    ],
)
def test_only_the_token_just_rotated_may_be_repeated_and_only_for_moments(
    presented: int, since: timedelta | None, verdict: Refresh
) -> None:
    assert judge(presented, 7, since) is verdict


def _decode(token: str) -> bytes:
    return base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
