"""The HTTP routes of identity: parse, call, return."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, status

from services.chassis.access import Peer, User, Visitor
from services.chassis.dto import Envelope, ok
from services.contracts import session_pb2
from services.identity.accounts import Accounts
from services.identity.dto import (
    ChangePasswordIn,
    EmailIn,
    EmailTokenIn,
    EmailTokenOut,
    LoginIn,
    LoginMfaIn,
    LoginOut,
    RegisterIn,
    RegisterOut,
    ResetPasswordIn,
    UserOut,
    VerifyEmailIn,
)
from services.identity.login import Login

router = APIRouter(prefix="/v1", tags=["identity"])


async def _accounts(request: Request) -> Accounts:
    accounts: Accounts = request.app.state.accounts
    return accounts


async def _login(request: Request) -> Login:
    login: Login = request.app.state.login
    return login


AccountsDep = Annotated[Accounts, Depends(_accounts)]
LoginDep = Annotated[Login, Depends(_login)]


@router.post("/register", status_code=status.HTTP_201_CREATED)
async def register(body: RegisterIn, _caller: Visitor, accounts: AccountsDep) -> Envelope[RegisterOut]:
    """Create an account; a verification link is sent by e-mail."""
    return ok(RegisterOut(user_id=await accounts.register(body.email, body.password)))


@router.post("/email/verify")
async def verify_email(body: VerifyEmailIn, _caller: Visitor, accounts: AccountsDep) -> Envelope[None]:
    """Prove that an address is one's own."""
    await accounts.verify_email(body.token)
    return ok(None, "verified")


@router.post("/login")
async def login(body: LoginIn, caller: Visitor, service: LoginDep) -> Envelope[LoginOut]:
    """Sign in by password."""
    tokens, methods = await service.by_password(body.email, body.password, caller)
    if methods:
        return ok(LoginOut(mfa_required=True, mfa_token=tokens.mfa_token, methods=methods))
    return ok(_tokens(tokens))


@router.post("/login/mfa")
async def login_mfa(body: LoginMfaIn, caller: Visitor, service: LoginDep) -> Envelope[LoginOut]:
    """Finish a sign-in with the second factor."""
    return ok(_tokens(await service.by_second_factor(body.mfa_token, body.method, body.code, caller)))


@router.get("/me")
async def me(user: User, accounts: AccountsDep) -> Envelope[UserOut]:
    """Return the signed-in user's account."""
    account = await accounts.get(user.user_id)
    return ok(
        UserOut(
            user_id=account.id,
            email=account.email,
            email_verified=account.verified_at is not None,
            created_at=account.created_at,
        )
    )


@router.delete("/me")
async def delete_me(user: User, accounts: AccountsDep) -> Envelope[None]:
    """Delete the signed-in user's account."""
    await accounts.delete(user.user_id)
    return ok(None, "deleted")


@router.post("/password/change")
async def change_password(body: ChangePasswordIn, user: User, accounts: AccountsDep) -> Envelope[None]:
    """Replace the password; other sessions end."""
    await accounts.change_password(user.user_id, user.session_id, body.current_password, body.new_password)
    return ok(None, "changed")


@router.post("/password/forgot", status_code=status.HTTP_202_ACCEPTED)
async def forgot_password(body: EmailIn, _caller: Visitor, accounts: AccountsDep) -> Envelope[None]:
    """Ask for a reset link; the answer is the same whether or not there is such an account."""
    await accounts.request_reset(body.email)
    return ok(None, "if there is such an account, a link is on its way")


@router.post("/password/reset")
async def reset_password(body: ResetPasswordIn, _caller: Visitor, accounts: AccountsDep) -> Envelope[None]:
    """Set a new password by a reset link; all sessions end."""
    await accounts.reset_password(body.token, body.new_password)
    return ok(None, "changed")


@router.post("/internal/users/{user_id}/email-token")
async def issue_email_token(
    user_id: UUID, body: EmailTokenIn, _caller: Peer, accounts: AccountsDep
) -> Envelope[EmailTokenOut]:
    """Give notification a fresh token for a link."""
    email, token, expires_at = await accounts.issue_token(user_id, body.purpose)
    return ok(EmailTokenOut(email=email, token=token, expires_at=expires_at))


def _tokens(tokens: session_pb2.Tokens) -> LoginOut:
    return LoginOut(
        access_token=tokens.access_token,
        refresh_token=tokens.refresh_token,
        token_type="Bearer",  # noqa: S106 - the token type of RFC 6750, not a secret
        expires_in=tokens.expires_in,
    )
