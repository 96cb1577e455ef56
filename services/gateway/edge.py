"""The edge: every request from outside passes here, in this order.

route → client address → token → rate limit → view or service. Raw ASGI, because it is on every request's path.
"""

from __future__ import annotations

from dataclasses import dataclass

import orjson
from starlette.middleware.cors import CORSMiddleware

from services.chassis.address import network
from services.chassis.asgi import App, Receive, Scope, Send
from services.chassis.auth import EDGE, Principal
from services.chassis.dto import error_body
from services.chassis.errors import METHOD_NOT_ALLOWED, NOT_FOUND, ServiceError
from services.chassis.registry import Directory
from services.chassis.tracing import current_trace_id
from services.gateway import aggregate, docs
from services.gateway.errors import INVALID_TOKEN, UNKNOWN_SERVICE
from services.gateway.limits import RateLimits
from services.gateway.options import GatewayOptions
from services.gateway.origin import client_address
from services.gateway.proxy import Proxy
from services.gateway.routing import Destination, destination
from services.gateway.tokens import AccessTokens

_PROBES = frozenset({"/healthz", "/readyz", "/startupz", "/metrics"})
_OWN = frozenset({"/docs", "/api/v1/me"})
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]


@dataclass(frozen=True, slots=True)
class Route:
    """What the layer around names spans and metrics after."""

    path: str


class Edge:
    """The gateway's ASGI application."""

    def __init__(
        self,
        probes: App,
        tokens: AccessTokens,
        limits: RateLimits,
        proxy: Proxy,
        directory: Directory,
        options: GatewayOptions,
    ) -> None:
        self._probes = probes
        self._tokens = tokens
        self._limits = limits
        self._proxy = proxy
        self._directory = directory
        self._options = options

    def app(self) -> App:
        """Return the application, behind CORS if origins are allowed."""
        if not self._options.cors_origins:
            return self
        return CORSMiddleware(
            self,
            allow_origins=self._options.cors_origins,
            allow_methods=_METHODS,
            allow_headers=["authorization", "content-type", "idempotency-key", "traceparent"],
            expose_headers=["x-trace-id", "traceparent", "ratelimit-remaining", "retry-after"],
            max_age=600,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] in _PROBES:
            await self._probes(scope, receive, send)
            return
        try:
            await self._serve(scope, receive, send)
        except ServiceError as error:
            body = error_body(error.code, error.message, error.details)
            await _answer(send, error.code.status, body, error.headers)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["raw_path"].decode("latin-1").partition("?")[0] if scope.get("raw_path") else scope["path"]
        to = destination(path)
        scope["route"] = Route(to.route if to else path if path in _OWN else "unmatched")
        headers = dict(scope["headers"])
        peer = scope["client"][0] if scope.get("client") else ""
        client_ip = client_address(peer, headers, self._options.trusted_proxies)
        principal = await self._principal(headers, client_ip)
        limits = await self._limits.check(network(client_ip), str(principal.user_id or ""), to.public if to else path)
        if path == "/docs":
            page = await docs.page(self._proxy.client, self._directory)
            await _answer(send, 200, page, {"content-type": "text/html; charset=utf-8"})
        elif path == "/api/v1/me":
            await self._me(scope, send, principal, limits)
        else:
            await self._forward(to, principal, scope, receive, send, limits)

    async def _principal(self, headers: dict[bytes, bytes], client_ip: str) -> Principal:
        user_agent = headers.get(b"user-agent", b"").decode("latin-1")[:256]
        authorization = headers.get(b"authorization")
        if authorization is None:
            return Principal(EDGE, client_ip=client_ip, user_agent=user_agent)
        scheme, _, token = authorization.decode("latin-1").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise ServiceError(INVALID_TOKEN, headers={"WWW-Authenticate": "Bearer"})
        return await self._tokens.principal(token.strip(), client_ip, user_agent)

    async def _me(self, scope: Scope, send: Send, principal: Principal, limits: dict[str, str]) -> None:
        if scope["method"] not in ("GET", "HEAD"):
            raise ServiceError(METHOD_NOT_ALLOWED, headers={"Allow": "GET"})
        if principal.user_id is None:
            raise ServiceError(INVALID_TOKEN, headers={"WWW-Authenticate": "Bearer"})
        data = await aggregate.me(self._proxy.client, principal)
        body = orjson.dumps({"code": 0, "message": "ok", "data": data, "trace_id": current_trace_id()})
        await _answer(send, 200, body, limits)

    async def _forward(
        self,
        to: Destination | None,
        principal: Principal,
        scope: Scope,
        receive: Receive,
        send: Send,
        limits: dict[str, str],
    ) -> None:
        if to is None:
            raise ServiceError(NOT_FOUND)
        if not self._directory.knows(to.service):
            raise ServiceError(UNKNOWN_SERVICE, details={"service": to.service})
        timeout_s = self._options.upstream_timeout_s
        await self._proxy.forward(to, principal, scope, receive, send, extra_headers=limits, timeout_s=timeout_s)


async def _answer(send: Send, status: int, body: bytes, headers: dict[str, str]) -> None:
    given = {name.lower(): value for name, value in headers.items()}
    fields = {"content-type": "application/json", "content-length": str(len(body)), **given}
    raw = [(name.encode(), value.encode("latin-1")) for name, value in fields.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})
