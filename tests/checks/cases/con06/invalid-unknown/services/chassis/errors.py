CODES = ErrorCodes("chassis", range(1000, 1100))
NOT_FOUND = CODES.register(1004, "NOT_FOUND", 404, "Nothing here")
