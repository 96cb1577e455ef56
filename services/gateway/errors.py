"""The error codes of the gateway."""

from __future__ import annotations

from services.chassis.errors import ErrorCodes
from services.gateway.service import SPEC

CODES = ErrorCodes(SPEC.name, SPEC.error_codes)
INVALID_TOKEN = CODES.register(1100, "INVALID_TOKEN", 401, "The access token is invalid, expired or revoked")
UNKNOWN_SERVICE = CODES.register(1101, "UNKNOWN_SERVICE", 404, "There is no such service")
RATE_LIMITED = CODES.register(1102, "RATE_LIMITED", 429, "Too many requests; slow down")
