def _invoices(request: Request) -> Wallets: ...


InvoicesDep = Annotated[Invoices, Depends(_invoices)]  # expect: ARC05
