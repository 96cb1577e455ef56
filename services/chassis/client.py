"""Calls to another service over HTTP: discovery, load balancing, deadline, breaker, retries within a budget.

A call that never reached the target (no connection) is tried again whatever its method, because nothing can have
happened; one that may have been received is tried again only if it is idempotent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import aiohttp
import orjson
from opentelemetry.trace import SpanKind

from services.chassis import deadline
from services.chassis.auth import HEADER, Principal, Signer
from services.chassis.errors import TIMED_OUT, UNAVAILABLE, ErrorCode, ServiceError
from services.chassis.metrics import CALLS
from services.chassis.registry import Directory, Replica
from services.chassis.resilience import Breakers, RetryBudget
from services.chassis.tracing import span, traceparent

_IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})
_ATTEMPTS = 3
_PAUSE_S = 0.05
_POOL = 64
_KEEP_ALIVE_S = 55


class ServiceClient:
    """Calls other services on behalf of this one."""

    def __init__(self, directory: Directory, signer: Signer, breakers: Breakers) -> None:
        self._directory = directory
        self._signer = signer
        self._breakers = breakers
        self._budgets: dict[str, RetryBudget] = {}
        self._session: aiohttp.ClientSession | None = None

    async def call(
        self,
        target: str,
        method: str,
        path: str,
        *,
        json: Any = None,
        params: Mapping[str, str] | None = None,
        principal: Principal | None = None,
        timeout_s: float = 5.0,
    ) -> Any:
        """Return `data` of the target's envelope.

        Raises the target's own error as `ServiceError`, `UNAVAILABLE` if nobody could be reached,
        `TIMED_OUT` past the deadline.
        """
        budget = self._budgets.setdefault(target, RetryBudget())
        budget.earn()
        limit_s = deadline.remaining_s(timeout_s)
        try:
            async with asyncio.timeout(limit_s), self._breakers.guard(target):
                with deadline.within(limit_s):
                    data = await self._attempts(target, method, path, json, params, principal, budget)
        except TimeoutError as error:
            CALLS.labels(target, "timeout").inc()
            raise ServiceError(TIMED_OUT, details={"service": target}) from error
        except ServiceError as error:
            CALLS.labels(target, error.code.name).inc()
            raise
        CALLS.labels(target, "ok").inc()
        return data

    async def _attempts(
        self,
        target: str,
        method: str,
        path: str,
        json: Any,
        params: Mapping[str, str] | None,
        principal: Principal | None,
        budget: RetryBudget,
    ) -> Any:
        for attempt in range(1, _ATTEMPTS + 1):
            replica = self._directory.pick(target)
            if replica is not None:
                try:
                    return await self._once(replica, target, method, path, json, params, principal, attempt)
                except aiohttp.ClientConnectorError:
                    self._directory.avoid(replica)  # nothing was sent
                except aiohttp.ClientError as error:
                    self._directory.avoid(replica)
                    if method not in _IDEMPOTENT:
                        raise ServiceError(UNAVAILABLE, details={"service": target}) from error
            if attempt == _ATTEMPTS or not budget.spend():
                break
            await self._directory.changed(_PAUSE_S * attempt)
        raise ServiceError(UNAVAILABLE, details={"service": target})

    async def _once(
        self,
        replica: Replica,
        target: str,
        method: str,
        path: str,
        json: Any,
        params: Mapping[str, str] | None,
        principal: Principal | None,
        attempt: int,
    ) -> Any:
        attributes: dict[str, Any] = {
            "http.request.method": method,
            "url.path": path,
            "server.address": replica.http,
            "autional.peer.service": target,
        }
        if attempt > 1:
            attributes["http.request.resend_count"] = attempt - 1
        with span(f"{method} {target}", SpanKind.CLIENT, attributes) as current:
            headers = {
                HEADER: self._signer.token(target, principal),
                "traceparent": traceparent(current),
                deadline.HEADER: str(max(1, int(deadline.remaining_s(30) * 1000))),
            }
            body = None
            if json is not None:
                body = orjson.dumps(json)
                headers["content-type"] = "application/json"
            async with self._http().request(
                method, replica.http + path, data=body, params=params, headers=headers
            ) as response:
                raw = await response.read()
                current.set_attribute("http.response.status_code", response.status)
                return _unwrap(target, response.status, raw)

    def _http(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(limit_per_host=_POOL, keepalive_timeout=_KEEP_ALIVE_S)
            timeout = aiohttp.ClientTimeout(total=30, sock_connect=2)
            self._session = aiohttp.ClientSession(connector=connector, timeout=timeout, auto_decompress=False)
        return self._session

    async def close(self) -> None:
        """Close pooled connections."""
        if self._session is not None:
            await self._session.close()


def _unwrap(target: str, status: int, raw: bytes) -> Any:
    """Return `data` of a good answer; raise the error of a bad one under the target's own code."""
    try:
        document = orjson.loads(raw) if raw else {}
    except orjson.JSONDecodeError as error:
        raise ServiceError(UNAVAILABLE, details={"service": target, "status": status}) from error
    if status < 400:
        return document.get("data")
    code = ErrorCode(
        int(document.get("code", 0)), str(document.get("error", "")), status, str(document.get("message", ""))
    )
    raise ServiceError(code, details=document.get("details"))
