"""The login: password, then second factor if one is due, then a session.

The lockout is reserved before anything costly. Whether a second factor is due is asked while the password is hashed:
the two do not depend on each other, and the answer is used only if the password was right.

An address without an account is treated in every step as one whose password is wrong, under a stand-in for its id: the
same questions, the same hash, the same record of the failure. What differs would be measured.
"""

from __future__ import annotations

import asyncio
from typing import NoReturn
from uuid import UUID

from services.chassis.auth import Principal
from services.chassis.db import Database
from services.chassis.errors import ServiceError
from services.chassis.rpc import GrpcClient
from services.contracts import mfa_pb2, session_pb2
from services.identity import events, store
from services.identity.domain import normalise_email, stand_in
from services.identity.errors import EMAIL_NOT_VERIFIED, INVALID_CREDENTIALS
from services.identity.lockout import Lockout, Reservation
from services.identity.passwords import PasswordHasher
from services.identity.response_time import Steps
from services.identity.store import Credentials

_STEP_S = 0.05  # far longer than what is left of a difference


class Login:
    """Signs users in."""

    def __init__(
        self,
        db: Database,
        hasher: PasswordHasher,
        lockout: Lockout,
        sessions: GrpcClient,
        factors: GrpcClient,
        secret: bytes,
    ) -> None:
        self._db = db
        self._hasher = hasher
        self._lockout = lockout
        self._sessions = sessions
        self._factors = factors
        self._secret = secret

    async def by_password(self, email: str, password: str, caller: Principal) -> tuple[session_pb2.Tokens, list[str]]:
        """Return tokens and the methods of a second factor that is due; with methods the tokens hold only `mfa_token`.

        Raises `INVALID_CREDENTIALS`, `LOCKED`, `EMAIL_NOT_VERIFIED`, or an error of session or mfa: without a word of
        the mfa service nobody is let in.
        """
        address, steps = normalise_email(email), Steps(_STEP_S)
        reservation = await self._lockout.reserve(address, caller.client_ip)
        async with self._lockout.spared_in_outage(reservation), self._db.reading() as session:
            user = await store.find_by_email(session, address)
        user = user or Credentials(stand_in(self._secret, address), "", None)
        methods = await self._authenticate(user, password, caller, reservation, steps)
        request = session_pb2.CreateRequest(
            user_id=str(user.id), client_ip=caller.client_ip, user_agent=caller.user_agent, mfa_methods=methods
        )
        async with self._lockout.spared_in_outage(reservation):
            tokens: session_pb2.Tokens = await self._sessions.call("Create", request)
        await self._lockout.release(reservation)
        await self._finish(user, password, tokens, caller, methods)
        return tokens, methods

    async def _authenticate(
        self, user: Credentials, password: str, caller: Principal, reservation: Reservation, steps: Steps
    ) -> list[str]:
        due = asyncio.ensure_future(self._methods(user))
        try:
            if not await self._hasher.verify(user.password_hash or None, password):
                await self._refuse(user, caller, reservation, steps)
            if user.verified_at is None:
                await self._lockout.release(reservation)
                raise ServiceError(EMAIL_NOT_VERIFIED)
            async with self._lockout.spared_in_outage(reservation):
                return await due
        finally:
            due.cancel()

    async def _methods(self, user: Credentials) -> list[str]:
        reply = await self._factors.call("Requirement", mfa_pb2.RequirementRequest(user_id=str(user.id)))
        return list(reply.methods)

    async def _refuse(self, user: Credentials, caller: Principal, reservation: Reservation, steps: Steps) -> NoReturn:
        async with self._db.transaction() as unit:
            events.user_login_failed(unit, user.id, caller)
            if reservation.last and user.password_hash:  # whom else should it be told?
                events.user_locked(unit, user.id, caller)
        await steps.wait()
        raise ServiceError(INVALID_CREDENTIALS)

    async def _finish(
        self, user: Credentials, password: str, tokens: session_pb2.Tokens, caller: Principal, methods: list[str]
    ) -> None:
        outdated = self._hasher.outdated(user.password_hash)
        new_hash = await self._hasher.hash(password) if outdated else ""
        if methods and not outdated:
            return
        async with self._db.transaction() as unit:
            if outdated:
                await store.replace_hash(unit.session, user.id, user.password_hash, new_hash)
            if not methods:
                events.user_logged_in(unit, user.id, tokens.session_id, caller, ["pwd"])

    async def by_second_factor(self, mfa_token: str, method: str, code: str, caller: Principal) -> session_pb2.Tokens:
        """Return the tokens of a login whose password was right. Raises the errors of session and mfa."""
        pending = await self._sessions.call("Pending", session_pb2.PendingRequest(mfa_token=mfa_token))
        request = mfa_pb2.VerifyRequest(
            user_id=pending.user_id, method=method, code=code, session_id=pending.session_id
        )
        await self._factors.call("Verify", request)
        complete = session_pb2.CompleteRequest(mfa_token=mfa_token, method=method)
        tokens: session_pb2.Tokens = await self._sessions.call("Complete", complete)
        async with self._db.transaction() as unit:
            events.user_logged_in(unit, UUID(pending.user_id), pending.session_id, caller, ["pwd", _amr(method), "mfa"])
        return tokens


def _amr(method: str) -> str:
    return "otp" if method in ("totp", "recovery") else method
