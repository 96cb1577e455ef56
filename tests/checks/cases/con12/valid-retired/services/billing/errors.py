from services.chassis.errors import ErrorCodes
from services.billing.service import SPEC

CODES = ErrorCodes(SPEC.name, SPEC.error_codes)
CODES.retire(2401, "INVOICE_PAID")
INVOICE_NOT_FOUND = CODES.register(2400, "INVOICE_NOT_FOUND", 404, "No such invoice")
INVOICE_SETTLED = CODES.register(2402, "INVOICE_SETTLED", 409, "That invoice is settled")
