"""The wire types of session."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from services.chassis.dto import Dto


class RefreshIn(Dto):
    """A refresh token."""

    refresh_token: Annotated[str, Field(min_length=1, max_length=200)]


class TokensOut(Dto):
    """A new pair of tokens; `expires_in` is seconds (RFC 6749, 5.1)."""

    access_token: str
    refresh_token: str
    token_type: str = "Bearer"  # noqa: S105 - the token type of RFC 6750, not a secret
    expires_in: int


class SessionOut(Dto):
    """A device that is signed in."""

    session_id: UUID
    current: bool
    client_ip: str
    user_agent: str
    amr: list[str]
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime


class RevokedOut(Dto):
    """How many sessions ended."""

    revoked: int


class JwksOut(Dto):
    """Public keys (RFC 7517)."""

    keys: list[dict[str, Any]]
