"""Sessions: create, complete, refresh, validate, list, end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from services.chassis.cache import Cache
from services.chassis.clock import new_id, utcnow
from services.chassis.db import Database, UnitOfWork
from services.chassis.errors import ServiceError
from services.session import events, store
from services.session.domain import ACCESS_LIFETIME, PENDING_LIFETIME, SESSION_LIFETIME, Refresh, Status, judge
from services.session.errors import (
    INVALID_MFA_TOKEN,
    INVALID_REFRESH_TOKEN,
    REFRESH_TOKEN_REUSED,
    SESSION_NOT_FOUND,
)
from services.session.keys import SigningKeys
from services.session.models import Session
from services.session.tokens import RefreshTokens


@dataclass(frozen=True, slots=True)
class TokenPair:
    """What a client holds; `expires_in` is the access token's life in seconds."""

    session_id: UUID
    access_token: str
    refresh_token: str
    expires_in: int


class Sessions:
    """The life of sessions."""

    def __init__(self, db: Database, cache: Cache, keys: SigningKeys, tokens: RefreshTokens) -> None:
        self._db = db
        self._cache = cache
        self._keys = keys
        self._tokens = tokens

    async def create(self, user_id: UUID, client_ip: str, user_agent: str) -> TokenPair:
        """Open an active session."""
        row = self._new(user_id, client_ip, user_agent, Status.ACTIVE)
        async with self._db.transaction() as unit:
            await store.add(unit.session, row)
            events.session_created(unit, row["id"], user_id, row["amr"])
        return self._pair(row["id"], user_id, 0, row["amr"])

    async def create_pending(self, user_id: UUID, client_ip: str, user_agent: str) -> tuple[UUID, str]:
        """Open a session that waits for the second factor; return its id and `mfa_token`."""
        row = self._new(user_id, client_ip, user_agent, Status.PENDING)
        async with self._db.transaction() as unit:
            await store.add(unit.session, row)
        return row["id"], self._tokens.mfa(row["id"])

    @staticmethod
    def _new(user_id: UUID, client_ip: str, user_agent: str, status: Status) -> dict[str, Any]:
        lifetime = SESSION_LIFETIME if status is Status.ACTIVE else PENDING_LIFETIME
        return {
            "id": new_id(),
            "user_id": user_id,
            "status": status,
            "amr": ["pwd"],
            "client_ip": client_ip[:64],
            "user_agent": user_agent[:256],
            "expires_at": utcnow() + lifetime,
        }

    async def pending(self, mfa_token: str) -> tuple[UUID, UUID]:
        """Return session and user of a pending sign-in and count an attempt. Raises `INVALID_MFA_TOKEN`."""
        session_id = self._tokens.read_mfa(mfa_token)
        user_id = None
        if session_id is not None:
            async with self._db.transaction() as unit:
                user_id = await store.take_attempt(unit.session, session_id)
        if session_id is None or user_id is None:
            raise ServiceError(INVALID_MFA_TOKEN)
        return session_id, user_id

    async def complete(self, mfa_token: str, method: str) -> TokenPair:
        """Make a pending session active. Raises `INVALID_MFA_TOKEN`."""
        session_id = self._tokens.read_mfa(mfa_token)
        if session_id is None:
            raise ServiceError(INVALID_MFA_TOKEN)
        methods = ["pwd", "otp" if method in ("totp", "recovery") else method, "mfa"]
        async with self._db.transaction() as unit:
            user_id = await store.activate(unit.session, session_id, methods)
            if user_id is None:
                raise ServiceError(INVALID_MFA_TOKEN)
            events.session_created(unit, session_id, user_id, methods)
        return self._pair(session_id, user_id, 0, methods)

    async def refresh(self, token: str) -> TokenPair:
        """Rotate a refresh token.

        Raises `INVALID_REFRESH_TOKEN`, or `REFRESH_TOKEN_REUSED` after ending the session whose token was copied.
        """
        parts = self._tokens.read_refresh(token)
        if parts is None:
            raise ServiceError(INVALID_REFRESH_TOKEN)
        session_id, generation = parts
        async with self._db.transaction() as unit:
            rotated = await store.rotate(unit.session, session_id, generation)
            if rotated is not None:
                return self._pair(session_id, rotated.user_id, generation + 1, rotated.amr)
            pair = await self._not_current(unit, session_id, generation)
        if pair is None:
            raise ServiceError(REFRESH_TOKEN_REUSED)
        return pair

    async def _not_current(self, unit: UnitOfWork, session_id: UUID, generation: int) -> TokenPair | None:
        """Answer a repeated refresh again; end the session of a reused one and return None."""
        row = await store.find(unit.session, session_id)
        if row is None or row.status != Status.ACTIVE or row.expires_at <= utcnow():
            raise ServiceError(INVALID_REFRESH_TOKEN)
        since = utcnow() - row.rotated_at if row.rotated_at else None
        if judge(generation, row.generation, since) is Refresh.REPEATED:
            return self._pair(row.id, row.user_id, row.generation, row.amr)
        events.session_reuse_detected(unit, row.id, row.user_id)
        await self._end(unit, row.id, row.user_id, "refresh token reused")
        return None

    async def is_active(self, session_id: UUID) -> UUID | None:
        """Return the user of an active session, else None; answered from the cache."""

        async def load() -> dict[str, str] | None:
            async with self._db.reading() as session:
                row = await store.find(session, session_id)
            if row is None or row.status != Status.ACTIVE:
                return None
            return {"user_id": str(row.user_id), "expires_at": row.expires_at.isoformat()}

        known = await self._cache.get(str(session_id), load)
        if known is None or known["expires_at"] <= utcnow().isoformat():
            return None
        return UUID(known["user_id"])

    async def devices(self, user_id: UUID, after: UUID | None, limit: int) -> Sequence[Session]:
        """Return active sessions of a user, newest first."""
        async with self._db.reading() as session:
            return await store.active_of(session, user_id, after, limit)

    async def end(self, session_id: UUID, user_id: UUID, reason: str) -> None:
        """End one session of a user. Raises `SESSION_NOT_FOUND`."""
        async with self._db.transaction() as unit:
            if not await self._end(unit, session_id, user_id, reason):
                raise ServiceError(SESSION_NOT_FOUND)

    async def end_all(self, user_id: UUID, keep: UUID | None, reason: str) -> int:
        """End all sessions of a user except `keep`; return how many."""
        async with self._db.transaction() as unit:
            ended = await store.end_all(unit.session, user_id, keep, reason)
            for session_id in ended:
                events.session_revoked(unit, session_id, user_id, reason)
            unit.after_commit(lambda: self._cache.invalidate(*map(str, ended)))
        return len(ended)

    async def _end(self, unit: UnitOfWork, session_id: UUID, user_id: UUID, reason: str) -> bool:
        if not await store.end(unit.session, session_id, user_id, reason):
            return False
        events.session_revoked(unit, session_id, user_id, reason)
        unit.after_commit(lambda: self._cache.invalidate(str(session_id)))
        return True

    def _pair(self, session_id: UUID, user_id: UUID, generation: int, methods: list[str]) -> TokenPair:
        return TokenPair(
            session_id,
            self._keys.sign(user_id, session_id, methods),
            self._tokens.refresh(session_id, generation),
            int(ACCESS_LIFETIME.total_seconds()),
        )
