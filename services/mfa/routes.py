"""The HTTP routes of mfa: parse, call, return."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, status

from services.chassis.access import User
from services.chassis.dto import Envelope, ok
from services.mfa.dto import ConfirmIn, EnrolmentIn, EnrolmentOut, FactorsOut, RecoveryCodesOut
from services.mfa.factors import Factors

router = APIRouter(prefix="/v1", tags=["mfa"])


async def _factors(request: Request) -> Factors:
    factors: Factors = request.app.state.factors
    return factors


FactorsDep = Annotated[Factors, Depends(_factors)]


@router.get("/factors")
async def list_factors(user: User, factors: FactorsDep) -> Envelope[FactorsOut]:
    """Return the second factors of the signed-in user."""
    methods, left = await factors.overview(user.user_id)
    return ok(FactorsOut(methods=methods, recovery_codes_left=left))


@router.post("/totp", status_code=status.HTTP_201_CREATED)
async def enrol_totp(body: EnrolmentIn, user: User, factors: FactorsDep) -> Envelope[EnrolmentOut]:
    """Begin to set up an authenticator app."""
    secret, uri = await factors.enrol(user.user_id, body.account)
    return ok(EnrolmentOut(secret=secret, provisioning_uri=uri))


@router.post("/totp/confirm")
async def confirm_totp(body: ConfirmIn, user: User, factors: FactorsDep) -> Envelope[RecoveryCodesOut]:
    """Finish the set-up with a first code; from now on sign-ins ask for one."""
    return ok(RecoveryCodesOut(recovery_codes=await factors.confirm(user.user_id, body.code)))


@router.post("/totp/remove")
async def remove_totp(body: ConfirmIn, user: User, factors: FactorsDep) -> Envelope[None]:
    """Remove the authenticator app."""
    await factors.remove(user.user_id, body.code)
    return ok(None, "removed")


@router.post("/recovery-codes")
async def renew_recovery_codes(body: ConfirmIn, user: User, factors: FactorsDep) -> Envelope[RecoveryCodesOut]:
    """Replace the recovery codes."""
    return ok(RecoveryCodesOut(recovery_codes=await factors.new_recovery_codes(user.user_id, body.code)))
