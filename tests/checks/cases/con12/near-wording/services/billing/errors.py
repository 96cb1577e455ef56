from services.chassis.errors import ErrorCodes
from services.billing.service import SPEC

CODES = ErrorCodes(SPEC.name, SPEC.error_codes)
INVOICE_NOT_FOUND = CODES.register(2400, "INVOICE_NOT_FOUND", 410, "There is no such invoice any more")
INVOICE_PAID = CODES.register(2401, "INVOICE_PAID", 409, "That invoice is paid")
