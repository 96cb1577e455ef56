"""Accounts: registration, verification, password change and reset, deletion.

Registration and a request for a reset answer the same, at the same time, whether or not the address has an account.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.chassis.clock import new_id, utcnow
from services.chassis.db import Database, UnitOfWork
from services.chassis.errors import ServiceError
from services.chassis.rpc import GrpcClient
from services.contracts import session_pb2
from services.identity import events, store
from services.identity.domain import LIFETIME, Purpose, check_password, new_token, normalise_email, token_hash
from services.identity.errors import INVALID_CREDENTIALS, INVALID_EMAIL_TOKEN, USER_NOT_FOUND
from services.identity.lockout import Lockout
from services.identity.models import User
from services.identity.passwords import PasswordHasher
from services.identity.response_time import Steps

_STEP_S = 0.05  # far longer than what an account makes more to do


class Accounts:
    """Everything about an account except signing in."""

    def __init__(self, db: Database, hasher: PasswordHasher, lockout: Lockout, sessions: GrpcClient) -> None:
        self._db = db
        self._hasher = hasher
        self._lockout = lockout
        self._sessions = sessions

    async def register(self, email: str, password: str) -> UUID:
        """Create an account and return its id. Raises `WEAK_PASSWORD`."""
        address = normalise_email(email)
        check_password(password, address)
        user_id = new_id()
        async with Steps(_STEP_S):
            await self._add(user_id, address, await self._hasher.hash(password))
        return user_id

    async def _add(self, user_id: UUID, address: str, password_hash: str) -> None:
        async with self._db.transaction() as unit:
            if await store.add_user(unit.session, user_id, address, password_hash):
                events.user_created(unit, user_id, address)
            else:
                await store.touch(unit.session, address)  # a write as well

    async def verify_email(self, token: str) -> None:
        """Take the token of a verification link. Raises `INVALID_EMAIL_TOKEN`."""
        async with self._db.transaction() as unit:
            user_id = await self._use(unit, token, Purpose.VERIFY)
            if await store.mark_verified(unit.session, user_id):
                events.user_verified(unit, user_id)

    async def request_reset(self, email: str) -> None:
        """Have a reset link sent, if there is such an account; the caller cannot tell."""
        async with Steps(_STEP_S), self._db.transaction() as unit:
            user = await store.find_by_email(unit.session, normalise_email(email))
            if user is not None:
                events.user_password_reset_requested(unit, user.id)

    async def reset_password(self, token: str, password: str) -> None:
        """Set a new password by a reset link and end all sessions. Raises `INVALID_EMAIL_TOKEN`, `WEAK_PASSWORD`."""
        check_password(password, "")
        async with self._db.reading() as session:
            if not await store.is_usable(session, token_hash(token), Purpose.RESET):
                raise ServiceError(INVALID_EMAIL_TOKEN)  # before the work of a hash
        password_hash = await self._hasher.hash(password)
        async with self._db.transaction() as unit:
            user = await self._get(unit.session, await self._use(unit, token, Purpose.RESET))
            check_password(password, user.email)
            await store.set_password(unit.session, user.id, password_hash)
            await store.mark_verified(unit.session, user.id)  # only the owner of the mailbox has the link
            events.user_password_changed(unit, user.id, "reset")
            await self._end_sessions(user.id, keep=None)
        await self._lockout.forget(user.email)

    async def change_password(self, user_id: UUID, session_id: UUID, current: str, password: str) -> None:
        """Set a new password, keep this session and end the others. Raises `INVALID_CREDENTIALS`, `WEAK_PASSWORD`."""
        user = await self.get(user_id)
        check_password(password, user.email)
        if not await self._hasher.verify(user.password_hash, current):
            raise ServiceError(INVALID_CREDENTIALS)
        password_hash = await self._hasher.hash(password)
        async with self._db.transaction() as unit:
            await store.set_password(unit.session, user_id, password_hash)
            events.user_password_changed(unit, user_id, "change")
            await self._end_sessions(user_id, keep=session_id)

    async def get(self, user_id: UUID) -> User:
        """Return an account. Raises `USER_NOT_FOUND`."""
        async with self._db.reading() as session:
            return await self._get(session, user_id)

    async def delete(self, user_id: UUID) -> None:
        """Delete an account and end its sessions. Raises `USER_NOT_FOUND`."""
        async with self._db.transaction() as unit:
            if not await store.delete_user(unit.session, user_id):
                raise ServiceError(USER_NOT_FOUND)
            events.user_deleted(unit, user_id)
            await self._end_sessions(user_id, keep=None)

    async def issue_token(self, user_id: UUID, purpose: Purpose) -> tuple[str, str, datetime]:
        """Return address, token and expiry for a link that notification is about to send. Raises `USER_NOT_FOUND`."""
        token = new_token()
        expires_at = utcnow() + LIFETIME[purpose]
        async with self._db.transaction() as unit:
            user = await self._get(unit.session, user_id)
            await store.add_token(unit.session, token_hash(token), user_id, purpose, expires_at)
        return user.email, token, expires_at

    async def _use(self, unit: UnitOfWork, token: str, purpose: Purpose) -> UUID:
        user_id = await store.use_token(unit.session, token_hash(token), purpose)
        if user_id is None:
            raise ServiceError(INVALID_EMAIL_TOKEN)
        return user_id

    async def _get(self, session: AsyncSession, user_id: UUID) -> User:
        user = await store.find(session, user_id)
        if user is None:
            raise ServiceError(USER_NOT_FOUND)
        return user

    async def _end_sessions(self, user_id: UUID, keep: UUID | None) -> None:
        """Called before the commit: if the sessions cannot be ended, the password is not changed either."""
        request = session_pb2.RevokeAllRequest(
            user_id=str(user_id),
            keep_session_id=str(keep or ""),
            reason="password changed" if keep else "account changed",
        )
        await self._sessions.call("RevokeAll", request)
