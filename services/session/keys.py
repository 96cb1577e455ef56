"""The keys that sign access tokens: ES256, sealed in the database, rotated, published as a JWKS (RFC 7517).

A new key is published before it signs, and an old one stays published until the last token it signed has expired.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from joserfc import jwt
from joserfc.jwk import ECKey
from sqlalchemy import text

from services.chassis.clock import new_id, utcnow
from services.chassis.db import Database
from services.chassis.sealing import Sealer
from services.chassis.settings import Settings
from services.session import store
from services.session.domain import ACCESS_LIFETIME

SIGNS_FOR = timedelta(days=30)
PUBLISHED_AHEAD = timedelta(minutes=10)  # longer than any verifier keeps a JWKS
KEPT_AFTER = timedelta(days=1)
AUDIENCE = "autional"


class SigningKeys:
    """The signing keys of this replica, read from the database."""

    def __init__(self, db: Database, settings: Settings) -> None:
        self._db = db
        self._sealer = Sealer(settings.secret, "session.signing-keys")
        self._issuer = settings.public_url
        self._keys: list[tuple[datetime, ECKey]] = []  # oldest first
        self._loaded_at = utcnow()

    async def load(self) -> None:
        """Read the keys; make the first one, or the next when the newest grows old."""
        async with self._db.transaction() as unit:
            await unit.session.execute(text("SELECT pg_advisory_xact_lock(hashtext('session.signing-keys'))"))
            rows = await store.signing_keys(unit.session)
            if not rows or rows[-1].created_at < utcnow() - SIGNS_FOR:
                await self._add(unit.session)
                rows = await store.signing_keys(unit.session)
            await store.forget_keys(unit.session, utcnow() - SIGNS_FOR - SIGNS_FOR - KEPT_AFTER)
        self._keys = [(row.created_at, self._open(row.kid, row.private_key)) for row in rows]
        self._loaded_at = utcnow()

    async def rotate(self) -> None:
        """Publish a new key at once; it signs after `PUBLISHED_AHEAD`."""
        async with self._db.transaction() as unit:
            await self._add(unit.session)
        await self.load()

    async def _add(self, session: Any) -> None:
        kid = new_id().hex
        key = ECKey.generate_key("P-256", private=True, auto_kid=False)
        sealed = self._sealer.seal(key.as_pem(private=True), kid)
        await store.add_key(session, kid, sealed)

    def _open(self, kid: str, sealed: bytes) -> ECKey:
        return ECKey.import_key(self._sealer.open(sealed, kid), {"kid": kid, "use": "sig", "alg": "ES256"})

    async def jwks(self) -> dict[str, Any]:
        """Return the public keys as a JWKS."""
        if utcnow() - self._loaded_at > PUBLISHED_AHEAD / 2:
            await self.load()
        return {"keys": [key.as_dict(private=False) for _, key in self._keys]}

    def sign(self, user_id: UUID, session_id: UUID, methods: list[str]) -> str:
        """Return an access token (RFC 9068) that is valid for `ACCESS_LIFETIME`."""
        key = self._current()
        now = int(utcnow().timestamp())
        claims = {
            "iss": self._issuer,
            "aud": AUDIENCE,
            "sub": str(user_id),
            "sid": str(session_id),
            "jti": new_id().hex,
            "iat": now,
            "exp": now + int(ACCESS_LIFETIME.total_seconds()),
            "amr": methods,
        }
        return jwt.encode({"alg": "ES256", "typ": "at+jwt", "kid": key.kid}, claims, key)

    def _current(self) -> ECKey:
        """Return the newest key that has been public long enough, or the only one there is."""
        ripe = [key for created, key in self._keys if created < utcnow() - PUBLISHED_AHEAD]
        return ripe[-1] if ripe else self._keys[0][1]
