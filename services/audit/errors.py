"""The error codes of audit."""

from __future__ import annotations

from services.audit.service import SPEC
from services.chassis.errors import ErrorCodes

CODES = ErrorCodes(SPEC.name, SPEC.error_codes)
CODES.retire(2000, "CHAIN_BUSY")
EVENT_NOT_FOUND = CODES.register(2001, "EVENT_NOT_FOUND", 404, "There is no such record")
