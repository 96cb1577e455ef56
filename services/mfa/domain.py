"""The rules of second factors: no I/O. TOTP is RFC 6238 with SHA-1, 6 digits, 30 s, as authenticator apps expect."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from uuid import UUID

import pyotp

STEP_S = 30
DRIFT_STEPS = 1  # one step of clock difference either way (RFC 6238, 5.2)
ISSUER = "Autional"
MAX_FAILURES = 5
FAILURE_WINDOW = timedelta(minutes=5)
RECOVERY_CODES = 10
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # no characters that are read as others


def new_secret() -> str:
    """Return a fresh TOTP secret in base32: 160 bits (RFC 4226, 4)."""
    return pyotp.random_base32(32)


def provisioning_uri(secret: str, account: str) -> str:
    """Return the `otpauth://` URI that an authenticator app reads from a QR code."""
    return pyotp.TOTP(secret, interval=STEP_S).provisioning_uri(name=account, issuer_name=ISSUER)


def matching_step(secret: str, code: str, now: datetime) -> int | None:
    """Return the time step whose code this is, within the allowed drift; None if there is none."""
    totp = pyotp.TOTP(secret, interval=STEP_S)
    present = int(now.timestamp()) // STEP_S
    found = None
    for step in range(present - DRIFT_STEPS, present + DRIFT_STEPS + 1):
        if hmac.compare_digest(totp.generate_otp(step).encode(), code.strip().encode()):
            found = step
    return found


def new_recovery_codes() -> list[str]:
    """Return fresh recovery codes such as `k7mq2-x9f4p`: 49 bits each."""
    return [f"{_letters(5)}-{_letters(5)}" for _ in range(RECOVERY_CODES)]


def _letters(count: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(count))


def recovery_hash(user_id: UUID, code: str) -> bytes:
    """Return what is stored of a recovery code, bound to its user."""
    normal = code.strip().lower().replace(" ", "")
    return hashlib.sha256(user_id.bytes + normal.encode()).digest()
