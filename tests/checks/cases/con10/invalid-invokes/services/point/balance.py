async def f(self, invoice_id):
    path = f"/v1/internal/invoices/{invoice_id}"
    await self._client.call("billing", "GET", path)  # expect: CON10
