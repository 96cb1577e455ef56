"""The error codes of identity."""

from __future__ import annotations

from services.chassis.errors import ErrorCodes
from services.identity.service import SPEC

CODES = ErrorCodes(SPEC.name, SPEC.error_codes)
INVALID_CREDENTIALS = CODES.register(1200, "INVALID_CREDENTIALS", 401, "E-mail or password is wrong")
LOCKED = CODES.register(1201, "LOCKED", 429, "Too many failed attempts; try again later or reset the password")
EMAIL_NOT_VERIFIED = CODES.register(1202, "EMAIL_NOT_VERIFIED", 403, "The e-mail address is not verified yet")
INVALID_EMAIL_TOKEN = CODES.register(1203, "INVALID_EMAIL_TOKEN", 400, "The link is invalid, used or expired")
WEAK_PASSWORD = CODES.register(1204, "WEAK_PASSWORD", 422, "The password is too easy to guess")
USER_NOT_FOUND = CODES.register(1205, "USER_NOT_FOUND", 404, "There is no such user")
BUSY = CODES.register(1206, "BUSY", 503, "Too many sign-ins at this moment; try again")
