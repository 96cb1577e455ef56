async def f(self, app):
    await self._client.call("biling", "GET", "/v1/internal/invoices/1")  # expect: CON10
    await self._client.call("billing", "POST", f"/v1/internal/invoices/{self}")  # expect: CON10
    await self._client.document("billing", "GET", "/v1/gone")  # expect: CON10
    app.grpc_client("billing", Stub)  # expect: CON10
