def _invoices(request: Request) -> Invoices: ...


InvoicesDep = Annotated[Invoices, Depends(_invoices)]
