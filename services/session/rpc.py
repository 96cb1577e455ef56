"""The gRPC methods of session: parse, call, return."""

from __future__ import annotations

from typing import Any

from services.chassis.rpc import parse_uuid
from services.contracts import session_pb2 as pb
from services.session.sessions import Sessions, TokenPair


class SessionsServicer:
    """Serves `autional.session.v1.Sessions`."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def Create(self, request: pb.CreateRequest, _context: Any) -> pb.Tokens:  # noqa: N802 - named by the contract
        """Open a session, pending if a second factor is due."""
        user_id = parse_uuid(request.user_id)
        if request.mfa_methods:
            session_id, token = await self._sessions.create_pending(user_id, request.client_ip, request.user_agent)
            return pb.Tokens(session_id=str(session_id), mfa_token=token)
        return _tokens(await self._sessions.create(user_id, request.client_ip, request.user_agent))

    async def Pending(self, request: pb.PendingRequest, _context: Any) -> pb.PendingReply:  # noqa: N802
        """Say whose sign-in an MFA token stands for."""
        session_id, user_id = await self._sessions.pending(request.mfa_token)
        return pb.PendingReply(session_id=str(session_id), user_id=str(user_id))

    async def Complete(self, request: pb.CompleteRequest, _context: Any) -> pb.Tokens:  # noqa: N802
        """Make a pending session active."""
        return _tokens(await self._sessions.complete(request.mfa_token, request.method))

    async def Validate(self, request: pb.ValidateRequest, _context: Any) -> pb.ValidateReply:  # noqa: N802
        """Say whether a session is active."""
        user_id = await self._sessions.is_active(parse_uuid(request.session_id))
        return pb.ValidateReply(active=user_id is not None, user_id=str(user_id or ""))

    async def RevokeAll(self, request: pb.RevokeAllRequest, _context: Any) -> pb.RevokeAllReply:  # noqa: N802
        """End all sessions of a user."""
        keep = parse_uuid(request.keep_session_id) if request.keep_session_id else None
        revoked = await self._sessions.end_all(parse_uuid(request.user_id), keep, request.reason)
        return pb.RevokeAllReply(revoked=revoked)


def _tokens(pair: TokenPair) -> pb.Tokens:
    return pb.Tokens(
        session_id=str(pair.session_id),
        access_token=pair.access_token,
        refresh_token=pair.refresh_token,
        expires_in=pair.expires_in,
    )
