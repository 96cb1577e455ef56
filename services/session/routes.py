"""The HTTP routes of session: parse, call, return."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request

from services.chassis.access import User, Visitor
from services.chassis.dto import Envelope, Page, encode_cursor, ok, uuid_cursor
from services.session.dto import JwksOut, RefreshIn, RevokedOut, SessionOut, TokensOut
from services.session.keys import SigningKeys
from services.session.models import Session
from services.session.sessions import Sessions

router = APIRouter(prefix="/v1", tags=["session"])


async def _sessions(request: Request) -> Sessions:
    sessions: Sessions = request.app.state.sessions
    return sessions


SessionsDep = Annotated[Sessions, Depends(_sessions)]


@router.get("/jwks")
async def jwks(request: Request, _caller: Visitor) -> JwksOut:
    """Return the public keys of access tokens; a bare JWKS (RFC 7517), as its readers expect."""
    keys: SigningKeys = request.app.state.keys
    return JwksOut(**await keys.jwks())


@router.post("/refresh")
async def refresh(body: RefreshIn, _caller: Visitor, sessions: SessionsDep) -> Envelope[TokensOut]:
    """Exchange a refresh token for a new pair."""
    pair = await sessions.refresh(body.refresh_token)
    return ok(TokensOut(access_token=pair.access_token, refresh_token=pair.refresh_token, expires_in=pair.expires_in))


@router.get("/sessions")
async def list_sessions(
    user: User,
    sessions: SessionsDep,
    cursor: str = "",
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> Envelope[Page[SessionOut]]:
    """Return the devices that are signed in, newest first."""
    rows = await sessions.devices(user.user_id, uuid_cursor(cursor), limit + 1)
    next_cursor = encode_cursor(rows[limit - 1].id.hex) if len(rows) > limit else ""
    return ok(Page(items=[_out(row, user.session_id) for row in rows[:limit]], next_cursor=next_cursor))


@router.post("/logout")
async def logout(user: User, sessions: SessionsDep) -> Envelope[None]:
    """End this session."""
    await sessions.end(user.session_id, user.user_id, "logout")
    return ok(None, "signed out")


@router.delete("/sessions/{session_id}")
async def revoke_session(session_id: UUID, user: User, sessions: SessionsDep) -> Envelope[None]:
    """End one of the user's sessions."""
    await sessions.end(session_id, user.user_id, "revoked by the user")
    return ok(None, "revoked")


@router.delete("/sessions")
async def revoke_other_sessions(user: User, sessions: SessionsDep) -> Envelope[RevokedOut]:
    """End all the user's sessions but this one."""
    return ok(RevokedOut(revoked=await sessions.end_all(user.user_id, user.session_id, "revoked by the user")))


def _out(row: Session, current: UUID) -> SessionOut:
    return SessionOut(
        session_id=row.id,
        current=row.id == current,
        client_ip=row.client_ip,
        user_agent=row.user_agent,
        amr=row.amr,
        created_at=row.created_at,
        last_used_at=row.rotated_at or row.created_at,
        expires_at=row.expires_at,
    )
