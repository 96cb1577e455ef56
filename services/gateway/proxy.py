"""Passing a request on and its answer back, as a stream."""

from __future__ import annotations

import aiohttp

from services.chassis.asgi import Receive, Scope, Send
from services.chassis.auth import Principal
from services.chassis.client import Outbound, ServiceClient
from services.chassis.errors import UNAVAILABLE, ServiceError
from services.gateway.routing import Destination, inbound_headers, outbound_headers

_CHUNK = 64 * 1024


class Proxy:
    """Forwards requests to the services."""

    def __init__(self, client: ServiceClient) -> None:
        self.client = client

    async def forward(
        self,
        to: Destination,
        principal: Principal,
        scope: Scope,
        receive: Receive,
        send: Send,
        *,
        extra_headers: dict[str, str],
        timeout_s: float,
    ) -> None:
        """Send the request to `to` and stream the answer back. Raises `ServiceError` before an answer has begun."""
        request = Outbound(
            target=to.service,
            method=scope["method"],
            path=to.path,
            query=scope["query_string"].decode("latin-1"),
            body=await read_body(receive) or None,
            headers=inbound_headers(scope["headers"]),
            principal=principal,
        )
        async with self.client.exchange(request, timeout_s=timeout_s, whole=False) as response:
            await self._pass_back(response, send, extra_headers)

    async def _pass_back(self, response: aiohttp.ClientResponse, send: Send, extra_headers: dict[str, str]) -> None:
        headers = outbound_headers(response.headers.items())
        headers += [(name.lower().encode(), value.encode()) for name, value in extra_headers.items()]
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        try:
            async for chunk in response.content.iter_chunked(_CHUNK):
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        except aiohttp.ClientError as error:
            # The status line is gone already: cutting the connection is the only honest signal left.
            raise ServiceError(UNAVAILABLE) from error
        await send({"type": "http.response.body", "body": b""})


async def read_body(receive: Receive) -> bytes:
    """Return the whole request body; its size is bounded by the layer around."""
    parts = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b""
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)
