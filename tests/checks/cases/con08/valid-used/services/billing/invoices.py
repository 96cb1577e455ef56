raise ServiceError(INVOICE_NOT_FOUND)
