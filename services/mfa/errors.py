"""The error codes of mfa."""

from __future__ import annotations

from services.chassis.errors import ErrorCodes
from services.mfa.service import SPEC

CODES = ErrorCodes(SPEC.name, SPEC.error_codes)
WRONG_CODE = CODES.register(1600, "WRONG_CODE", 401, "The code is wrong or was used before")
NOT_ENROLLED = CODES.register(1601, "NOT_ENROLLED", 409, "There is no such second factor to use")
ALREADY_ENROLLED = CODES.register(1602, "ALREADY_ENROLLED", 409, "This second factor is set up already")
TOO_MANY_CODES = CODES.register(1603, "TOO_MANY_CODES", 429, "Too many wrong codes; try again later")
