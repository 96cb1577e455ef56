"""Access tokens at the edge: signature against the session service's keys, then whether the session still stands.

Both answers are kept in the process; a revocation is announced and reaches the gateway within a second.
"""

from __future__ import annotations

import time
from typing import Any
from uuid import UUID

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from services.chassis.auth import EDGE, Principal
from services.chassis.cache import Cache
from services.chassis.client import ServiceClient
from services.chassis.errors import ServiceError
from services.chassis.rpc import GrpcClient
from services.contracts import session_pb2
from services.gateway.errors import INVALID_TOKEN

_AUDIENCE = "autional"
_KEYS_FOR_S = 300
_REFETCH_AFTER_S = 2  # an unknown key id may ask for the keys again, but not more often than this
_VALIDATE_S = 2.0  # a full machine needs more than the millisecond that it takes; callers have thirty seconds
_LEEWAY_S = 5
_CHALLENGE = {"WWW-Authenticate": 'Bearer error="invalid_token"'}  # RFC 6750, 3


class AccessTokens:
    """Turns a bearer token into the principal that the services are told about."""

    def __init__(self, client: ServiceClient, sessions: GrpcClient, active: Cache, issuer: str) -> None:
        self._client = client
        self._sessions = sessions
        self._active = active
        self._issuer = issuer
        self._keys = KeySet([])
        self._fetched_at = -_KEYS_FOR_S * 1.0

    async def principal(self, token: str, client_ip: str, user_agent: str) -> Principal:
        """Return who holds `token`. Raises `ServiceError(INVALID_TOKEN)`; `UNAVAILABLE` while nobody can say."""
        claims = await self._claims(token)
        try:
            user_id, session_id = UUID(claims["sub"]), UUID(claims["sid"])
            alive = float(claims["exp"]) + _LEEWAY_S > time.time()
            meant_for_us = claims["iss"] == self._issuer and claims["aud"] == _AUDIENCE
        except (KeyError, ValueError, TypeError) as error:
            raise ServiceError(INVALID_TOKEN, headers=_CHALLENGE) from error
        if not alive or not meant_for_us or not await self._is_active(session_id, user_id):
            raise ServiceError(INVALID_TOKEN, headers=_CHALLENGE)
        return Principal(EDGE, user_id, session_id, client_ip, user_agent)

    async def _claims(self, token: str) -> dict[str, Any]:
        if time.monotonic() - self._fetched_at > _KEYS_FOR_S:
            await self._fetch_keys()
        try:
            return self._decode(token)
        except (JoseError, ValueError, KeyError, TypeError) as first:
            if time.monotonic() - self._fetched_at < _REFETCH_AFTER_S:
                raise ServiceError(INVALID_TOKEN, headers=_CHALLENGE) from first
        await self._fetch_keys()
        try:
            return self._decode(token)
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise ServiceError(INVALID_TOKEN, headers=_CHALLENGE) from error

    def _decode(self, token: str) -> dict[str, Any]:
        decoded = jwt.decode(token, self._keys, algorithms=["ES256"])
        if decoded.header.get("typ") != "at+jwt":
            raise ValueError("not an access token")
        return decoded.claims

    async def _fetch_keys(self) -> None:
        document = await self._client.document("session", "GET", "/v1/jwks", timeout_s=2)
        self._keys = KeySet.import_key_set(document)  # type: ignore[arg-type]
        self._fetched_at = time.monotonic()

    async def _is_active(self, session_id: UUID, user_id: UUID) -> bool:
        async def load() -> str | None:
            request = session_pb2.ValidateRequest(session_id=str(session_id))
            reply = await self._sessions.call("Validate", request, timeout_s=_VALIDATE_S)
            return str(reply.user_id) if reply.active else None

        return bool(await self._active.get(str(session_id), load) == str(user_id))
