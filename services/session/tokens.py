"""Refresh and MFA tokens: a session id, a generation, and a MAC under the service's own key.

The database holds only the valid generation, so a copy of it holds no token; and the successor of a token is the same
however often it is asked for, which makes a repeated refresh answerable (RFC 9700, 4.14.2 asks for rotation).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from uuid import UUID

from pydantic import SecretStr

from services.chassis.sealing import derive_key

_HEAD = 16 + 4  # session id, generation
_MAC = 32


class RefreshTokens:
    """Makes and reads tokens of the form base64url(session id · generation · HMAC-SHA-256)."""

    def __init__(self, secret: SecretStr) -> None:
        self._keys = {kind: derive_key(secret, f"session.{kind}") for kind in ("refresh", "mfa")}

    def refresh(self, session_id: UUID, generation: int) -> str:
        """Return the refresh token of a generation."""
        return self._make("refresh", session_id, generation)

    def mfa(self, session_id: UUID) -> str:
        """Return the token that stands for a pending session."""
        return self._make("mfa", session_id, 0)

    def read_refresh(self, token: str) -> tuple[UUID, int] | None:
        """Return session and generation of an authentic refresh token, else None."""
        return self._read("refresh", token)

    def read_mfa(self, token: str) -> UUID | None:
        """Return the session of an authentic MFA token, else None."""
        parts = self._read("mfa", token)
        return parts[0] if parts else None

    def _make(self, kind: str, session_id: UUID, generation: int) -> str:
        head = session_id.bytes + generation.to_bytes(4, "big")
        mac = hmac.digest(self._keys[kind], head, hashlib.sha256)
        return base64.urlsafe_b64encode(head + mac).decode().rstrip("=")

    def _read(self, kind: str, token: str) -> tuple[UUID, int] | None:
        try:
            raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        if len(raw) != _HEAD + _MAC:
            return None
        expected = hmac.digest(self._keys[kind], raw[:_HEAD], hashlib.sha256)
        if not hmac.compare_digest(expected, raw[_HEAD:]):
            return None
        return UUID(bytes=raw[:16]), int.from_bytes(raw[16:_HEAD], "big")
