"""The error codes of profile."""

from __future__ import annotations

from services.chassis.errors import ErrorCodes
from services.profile.service import SPEC

CODES = ErrorCodes(SPEC.name, SPEC.error_codes)
PROFILE_NOT_FOUND = CODES.register(
    1300, "PROFILE_NOT_FOUND", 404, "The profile is not there yet; try again in a moment"
)
PROFILE_CHANGED = CODES.register(1301, "PROFILE_CHANGED", 409, "The profile was changed meanwhile; read it again")
