"""Second factors: enrol, confirm, challenge, remove.

An attempt is counted before the code is looked at and in a transaction of its own, so parallel guesses cannot slip past
the limit and a rolled-back challenge does not give its attempt back.
"""

from __future__ import annotations

from uuid import UUID

from services.chassis.clock import utcnow
from services.chassis.db import Database, UnitOfWork
from services.chassis.errors import ServiceError
from services.chassis.sealing import Sealer
from services.mfa import events, store
from services.mfa.domain import (
    FAILURE_WINDOW,
    MAX_FAILURES,
    matching_step,
    new_recovery_codes,
    new_secret,
    provisioning_uri,
    recovery_hash,
)
from services.mfa.errors import ALREADY_ENROLLED, NOT_ENROLLED, TOO_MANY_CODES, WRONG_CODE


class Factors:
    """The second factors of all users."""

    def __init__(self, db: Database, sealer: Sealer) -> None:
        self._db = db
        self._sealer = sealer

    async def enrol(self, user_id: UUID, account: str) -> tuple[str, str]:
        """Begin a TOTP enrolment; return secret and `otpauth://` URI. Raises `ALREADY_ENROLLED`."""
        secret = new_secret()
        sealed = self._sealer.seal(secret.encode(), str(user_id))
        async with self._db.transaction() as unit:
            if not await store.put_totp(unit.session, user_id, sealed):
                raise ServiceError(ALREADY_ENROLLED)
        return secret, provisioning_uri(secret, account)

    async def confirm(self, user_id: UUID, code: str) -> list[str]:
        """Finish the enrolment with a first code; return recovery codes. Raises `NOT_ENROLLED`, `WRONG_CODE`."""
        await self._count(user_id)
        codes = new_recovery_codes()
        async with self._db.transaction() as unit:
            credential = await store.totp(unit.session, user_id)
            if credential is None:
                raise ServiceError(NOT_ENROLLED)
            if credential.confirmed_at is not None:
                raise ServiceError(ALREADY_ENROLLED)
            if not await self._totp(unit, user_id, code):
                raise ServiceError(WRONG_CODE)
            await store.replace_recovery_codes(unit.session, user_id, [recovery_hash(user_id, c) for c in codes])
            await store.clear_attempts(unit.session, user_id)
            events.mfa_enrolled(unit, user_id, "totp")
        return codes

    async def methods(self, user_id: UUID) -> list[str]:
        """Return the methods a user can be challenged with; none if no factor is confirmed."""
        async with self._db.reading() as session:
            credential = await store.totp(session, user_id)
            if credential is None or credential.confirmed_at is None:
                return []
            left = await store.recovery_codes_left(session, user_id)
        return ["totp", "recovery"] if left else ["totp"]

    async def overview(self, user_id: UUID) -> tuple[list[str], int]:
        """Return the user's methods and how many recovery codes are left."""
        methods = await self.methods(user_id)
        async with self._db.reading() as session:
            return methods, await store.recovery_codes_left(session, user_id)

    async def challenge(self, user_id: UUID, method: str, code: str, session_id: str) -> None:
        """Check a code. Raises `WRONG_CODE`, `TOO_MANY_CODES`, `NOT_ENROLLED`."""
        await self._count(user_id)
        async with self._db.transaction() as unit:
            right = await self._matches(unit, user_id, method, code)
            if right:
                await store.clear_attempts(unit.session, user_id)
                events.mfa_challenged(unit, user_id, method, session_id)
            else:
                events.mfa_failed(unit, user_id, method)
        if not right:
            raise ServiceError(WRONG_CODE)

    async def new_recovery_codes(self, user_id: UUID, code: str) -> list[str]:
        """Replace the recovery codes, for somebody who has the authenticator. Raises `WRONG_CODE`."""
        await self.challenge(user_id, "totp", code, "")
        codes = new_recovery_codes()
        async with self._db.transaction() as unit:
            await store.replace_recovery_codes(unit.session, user_id, [recovery_hash(user_id, c) for c in codes])
        return codes

    async def remove(self, user_id: UUID, code: str) -> None:
        """Remove the second factor, for somebody who still has it. Raises `WRONG_CODE`, `NOT_ENROLLED`."""
        await self.challenge(user_id, "totp", code, "")
        async with self._db.transaction() as unit:
            await store.remove_factors(unit.session, user_id)

    async def _count(self, user_id: UUID) -> None:
        async with self._db.transaction() as unit:
            attempts = await store.count_attempt(unit.session, user_id, utcnow())
        if attempts > MAX_FAILURES:
            raise ServiceError(TOO_MANY_CODES, headers={"Retry-After": str(int(FAILURE_WINDOW.total_seconds()))})

    async def _matches(self, unit: UnitOfWork, user_id: UUID, method: str, code: str) -> bool:
        if method == "totp":
            credential = await store.totp(unit.session, user_id)
            if credential is None or credential.confirmed_at is None:
                raise ServiceError(NOT_ENROLLED)
            return await self._totp(unit, user_id, code)
        if method == "recovery":
            return await store.use_recovery_code(unit.session, user_id, recovery_hash(user_id, code))
        raise ServiceError(NOT_ENROLLED)

    async def _totp(self, unit: UnitOfWork, user_id: UUID, code: str) -> bool:
        credential = await store.totp(unit.session, user_id)
        if credential is None:
            return False
        secret = self._sealer.open(credential.secret, str(user_id)).decode()
        step = matching_step(secret, code, utcnow())
        return step is not None and await store.accept_step(unit.session, user_id, step)
