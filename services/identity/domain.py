"""The rules of identity: no I/O."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import timedelta
from enum import StrEnum
from uuid import UUID

from services.chassis.errors import ServiceError
from services.identity.errors import WEAK_PASSWORD

MIN_PASSWORD = 10
MAX_PASSWORD = 200  # bounds the work of the hash; far beyond any passphrase
_COMMON = frozenset(
    {
        "password1234",
        "passw0rd1234",
        "1234567890",
        "12345678910",
        "qwertyuiop",
        "qwerty1234",
        "iloveyou123",
        "administrator",
        "welcome1234",
        "letmein1234",
    }
)


class Purpose(StrEnum):
    """What a token sent by e-mail is for."""

    VERIFY = "verify"
    RESET = "reset"


LIFETIME = {Purpose.VERIFY: timedelta(days=2), Purpose.RESET: timedelta(hours=1)}


def normalise_email(email: str) -> str:
    """Return the form under which an address is unique."""
    return email.strip().lower()


def stand_in(secret: bytes, email: str) -> UUID:
    """Return the id under which attempts at an address without an account are recorded.

    Always the same for an address, so that many attempts at one show; without the secret nobody can tell whose it is.
    """
    raw = bytearray(hmac.digest(secret, email.encode(), "sha256")[:16])
    raw[6], raw[8] = raw[6] & 0x0F | 0x80, raw[8] & 0x3F | 0x80  # version 8 (RFC 9562, 5.8): of our own making
    return UUID(bytes=bytes(raw))


def check_password(password: str, email: str) -> None:
    """Refuse a password that guessing finds first (NIST SP 800-63B, 5.1.1.2). Raises `ServiceError(WEAK_PASSWORD)`."""
    lowered = password.lower()
    local_part = email.partition("@")[0].lower()
    reason = ""
    if len(password) < MIN_PASSWORD:
        reason = f"shorter than {MIN_PASSWORD} characters"
    elif lowered in _COMMON or len(set(lowered)) < 4:
        reason = "one of the most common"
    elif len(local_part) > 3 and local_part in lowered:
        reason = "contains the e-mail address"
    if reason:
        raise ServiceError(WEAK_PASSWORD, details={"reason": reason})


def new_token() -> str:
    """Return a fresh token for a link: 32 random bytes."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> bytes:
    """Return what is stored of a token."""
    return hashlib.sha256(token.encode()).digest()
