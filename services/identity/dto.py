"""The wire types of identity."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import EmailStr, Field

from services.chassis.dto import Dto
from services.identity.domain import MAX_PASSWORD, Purpose

Password = Annotated[str, Field(min_length=1, max_length=MAX_PASSWORD)]
Token = Annotated[str, Field(min_length=1, max_length=100)]


class RegisterIn(Dto):
    """A new account."""

    email: EmailStr
    password: Password


class RegisterOut(Dto):
    """The account that was asked for."""

    user_id: UUID


class VerifyEmailIn(Dto):
    """The token of a verification link."""

    token: Token


class EmailIn(Dto):
    """An address to send something to."""

    email: EmailStr


class LoginIn(Dto):
    """A sign-in by password."""

    email: EmailStr
    password: Password


class LoginOut(Dto):
    """Tokens, or what is still needed to get them. Token lifetimes are seconds (RFC 6749, 5.1)."""

    access_token: str | None = None
    refresh_token: str | None = None
    token_type: str | None = None
    expires_in: int | None = None
    mfa_required: bool = False
    mfa_token: str | None = None
    methods: list[str] = Field(default_factory=list)


class LoginMfaIn(Dto):
    """The second factor of a sign-in."""

    mfa_token: Annotated[str, Field(min_length=1, max_length=200)]
    method: Annotated[str, Field(max_length=20)] = "totp"
    code: Annotated[str, Field(min_length=1, max_length=32)]


class ChangePasswordIn(Dto):
    """A new password by somebody who knows the old one."""

    current_password: Password
    new_password: Password


class ResetPasswordIn(Dto):
    """A new password by somebody who can read the account's mail."""

    token: Token
    new_password: Password


class UserOut(Dto):
    """An account as its owner sees it."""

    user_id: UUID
    email: str
    email_verified: bool
    created_at: datetime


class EmailTokenIn(Dto):
    """What a link is wanted for."""

    purpose: Purpose


class EmailTokenOut(Dto):
    """A fresh token and where to send it."""

    email: str
    token: str
    expires_at: datetime
