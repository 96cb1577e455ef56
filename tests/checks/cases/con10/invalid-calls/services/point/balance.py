async def f(self, invoice_id):
    await self._client.call("billing", "GET", f"/v1/internal/invoices/{invoice_id}")  # expect: CON10
