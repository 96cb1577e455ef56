def get(found: bool) -> None:
    raise ServiceError(INVOICE_NOT_FOUND if found else NOT_FOUND)
