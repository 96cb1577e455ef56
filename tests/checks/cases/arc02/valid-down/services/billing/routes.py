from services.billing import invoices
