from services.chassis.errors import ErrorCodes
from services.billing.service import SPEC

CODES = ErrorCodes(SPEC.name, SPEC.error_codes)
INVOICE_NOT_FOUND = CODES.register(2400, "INVOICE_NOT_FOUND", 404, "No such invoice")
INVOICE_PAID = CODES.register(2401, "INVOICE_PAID", 409, "That invoice is paid")
