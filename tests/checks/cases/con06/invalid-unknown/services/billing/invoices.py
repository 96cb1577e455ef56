def get() -> None:
    raise ServiceError(INVOICE_GONE)  # expect: CON06


def put() -> None:
    raise ServiceError(2400)  # expect: CON06


def drop() -> None:
    raise ServiceError("INVOICE_NOT_FOUND")  # expect: CON06
