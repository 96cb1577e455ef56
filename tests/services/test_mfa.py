"""The rules of second factors."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.clock import new_id
from services.mfa.domain import (
    RECOVERY_CODES,
    STEP_S,
    matching_step,
    new_recovery_codes,
    new_secret,
    provisioning_uri,
    recovery_hash,
)

# RFC 6238, appendix B (SHA-1), the last six of eight digits.
RFC_SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
NOW = datetime(2026, 11, 22, 7, 0, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "code"),
    [(59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (1234567890, "005924"), (2000000000, "279037")],
)
def test_codes_are_those_of_the_rfc(at: int, code: str) -> None:
    assert matching_step(RFC_SECRET, code, datetime.fromtimestamp(at, UTC)) == at // STEP_S


@pytest.mark.parametrize(("drift", "accepted"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_clock_may_be_off_by_one_step_and_no_more(drift: int, accepted: bool) -> None:
    code = pyotp.TOTP(RFC_SECRET).at(NOW + timedelta(seconds=drift * STEP_S))
    step = int(NOW.timestamp()) // STEP_S + drift
    assert matching_step(RFC_SECRET, code, NOW) == (step if accepted else None)


def test_blanks_around_a_code_do_not_matter() -> None:
    assert matching_step(RFC_SECRET, f" {pyotp.TOTP(RFC_SECRET).at(NOW)} ", NOW) is not None


@given(st.text(max_size=12))
def test_no_text_whatsoever_raises_or_is_a_code_by_its_shape(code: str) -> None:
    near = {pyotp.TOTP(RFC_SECRET).at(NOW + timedelta(seconds=n * STEP_S)) for n in (-1, 0, 1)}
    assert (matching_step(RFC_SECRET, code, NOW) is not None) == (code.strip() in near)


def test_secrets_are_160_bits_and_never_repeat() -> None:
    secrets = {new_secret() for _ in range(100)}
    assert len(secrets) == 100
    assert all(re.fullmatch(r"[A-Z2-7]{32}", secret) for secret in secrets)


def test_the_uri_is_what_an_authenticator_app_reads() -> None:
    uri = urlsplit(provisioning_uri(RFC_SECRET, "marie@example.org"))
    assert (uri.scheme, uri.netloc) == ("otpauth", "totp")
    assert parse_qs(uri.query) == {"secret": [RFC_SECRET], "issuer": ["Autional"]}


def test_recovery_codes_are_ten_different_ones_that_are_easy_to_read() -> None:
    codes = new_recovery_codes()
    assert len(set(codes)) == RECOVERY_CODES
    assert all(re.fullmatch(r"[a-hjkmnp-z2-9]{5}-[a-hjkmnp-z2-9]{5}", code) for code in codes)


def test_a_recovery_code_may_be_typed_in_any_case_and_belongs_to_its_user() -> None:
    user = new_id()
    stored = recovery_hash(user, "k7mq2-x9f4p")
    assert recovery_hash(user, " K7MQ2-X9F4P ") == stored
    assert recovery_hash(user, "k7mq2-x9f4q") != stored
    assert recovery_hash(new_id(), "k7mq2-x9f4p") != stored
