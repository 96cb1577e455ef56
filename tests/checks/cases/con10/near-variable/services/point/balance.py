async def f(self, service, path):
    await self._client.call(service, "GET", path)
    await self._client.call("billing", "GET", path)
    phone.call("mother", "GET")
