"""The error codes of notification."""

from __future__ import annotations

from services.chassis.errors import ErrorCodes
from services.notification.service import SPEC

CODES = ErrorCodes(SPEC.name, SPEC.error_codes)
MESSAGE_NOT_FOUND = CODES.register(2100, "MESSAGE_NOT_FOUND", 404, "There is no such message")
CANNOT_MUTE = CODES.register(2101, "CANNOT_MUTE", 422, "This kind of message cannot be switched off")
RECIPIENT_UNKNOWN = CODES.register(2102, "RECIPIENT_UNKNOWN", 409, "The user's address is not known yet")
