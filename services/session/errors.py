"""The error codes of session."""

from __future__ import annotations

from services.chassis.errors import ErrorCodes
from services.session.service import SPEC

CODES = ErrorCodes(SPEC.name, SPEC.error_codes)
INVALID_REFRESH_TOKEN = CODES.register(1500, "INVALID_REFRESH_TOKEN", 401, "The refresh token is invalid or expired")
REFRESH_TOKEN_REUSED = CODES.register(
    1501, "REFRESH_TOKEN_REUSED", 401, "The refresh token was used before; the session is ended"
)
INVALID_MFA_TOKEN = CODES.register(1502, "INVALID_MFA_TOKEN", 401, "The sign-in has expired; start again")
SESSION_NOT_FOUND = CODES.register(1503, "SESSION_NOT_FOUND", 404, "There is no such session")
