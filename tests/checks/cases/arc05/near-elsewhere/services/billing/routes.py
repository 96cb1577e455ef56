from services.billing.other import _invoices

InvoicesDep = Annotated[Invoices, Depends(_invoices)]
NAME = Annotated[str, Field(max_length=3)]
