"""The gRPC methods of mfa: parse, call, return."""

from __future__ import annotations

from typing import Any

from services.chassis.rpc import parse_uuid
from services.contracts import mfa_pb2 as pb
from services.mfa.factors import Factors


class SecondFactorsServicer:
    """Serves `autional.mfa.v1.SecondFactors`."""

    def __init__(self, factors: Factors) -> None:
        self._factors = factors

    async def Requirement(  # noqa: N802 - named by the contract
        self, request: pb.RequirementRequest, _context: Any
    ) -> pb.RequirementReply:
        """Say which second factors a user has."""
        return pb.RequirementReply(methods=await self._factors.methods(parse_uuid(request.user_id)))

    async def Verify(self, request: pb.VerifyRequest, _context: Any) -> pb.VerifyReply:  # noqa: N802
        """Check a code."""
        await self._factors.challenge(parse_uuid(request.user_id), request.method, request.code, request.session_id)
        return pb.VerifyReply(method=request.method)
