from services.chassis.errors import ErrorCodes
from services.billing.service import SPEC

CODES = ErrorCodes(SPEC.name, SPEC.error_codes)
INVOICE_NOT_FOUND = CODES.register(2400, "INVOICE_NOT_FOUND", 404, "No such invoice")
TWICE = CODES.register(2400, "TWICE", 404, "Same number")  # expect: CON07
FAR = CODES.register(2600, "FAR", 404, "Out of range")  # expect: CON07
FINE = CODES.register(2401, "FINE", 200, "Not an error")  # expect: CON07
OTHER = CODES.register(2402, "ANOTHER", 404, "Two names")  # expect: CON07
CODES.retire(2403, "LATE")
SLOW = CODES.register(2403, "SLOW", 404, "A retired number")  # expect: CON07
LATE = CODES.register(2404, "LATE", 404, "A retired name")  # expect: CON07
