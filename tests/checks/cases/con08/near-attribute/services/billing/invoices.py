from services.billing import errors

raise ServiceError(errors.INVOICE_NOT_FOUND)
