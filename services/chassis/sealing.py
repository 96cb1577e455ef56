"""Sealing: secrets at rest are encrypted with the service's own key (AES-256-GCM, NIST SP 800-38D).

The sealed form is a 12-byte nonce followed by ciphertext and tag; `context` binds it to its row, so that a sealed value
cannot be moved to another.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import SecretStr

_NONCE = 12


class Sealer:
    """Seals and opens with a key derived for one purpose from the service's secret (base64url, 32 bytes)."""

    def __init__(self, secret: SecretStr, purpose: str) -> None:
        self._aead = AESGCM(derive_key(secret, purpose))

    def seal(self, plain: bytes, context: str) -> bytes:
        """Return `plain` sealed for `context`."""
        nonce = os.urandom(_NONCE)
        return nonce + self._aead.encrypt(nonce, plain, context.encode())

    def open(self, sealed: bytes, context: str) -> bytes:
        """Return what was sealed. Raises `ValueError` if it was altered, moved, or sealed with another key."""
        try:
            return self._aead.decrypt(sealed[:_NONCE], sealed[_NONCE:], context.encode())
        except InvalidTag as error:
            raise ValueError(f"sealed value for {context!r} cannot be opened") from error


def derive_key(secret: SecretStr, purpose: str) -> bytes:
    """Return a 32-byte key for `purpose` (HMAC-SHA-256 of the purpose under the service's secret)."""
    raw = secret.get_secret_value()
    root = base64.urlsafe_b64decode(raw + "=" * (-len(raw) % 4))
    if len(root) < 32:
        raise ValueError("AUTIONAL_SECRET must hold at least 32 bytes in base64url")
    return hmac.digest(root, purpose.encode(), hashlib.sha256)
