"""Calls to another service over HTTP: discovery, load balancing, deadline, breaker, retries within a budget.

A call that never reached the target (no connection) is tried again whatever its method, because nothing can have
happened; one that may have been received is tried again only if it is idempotent.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson
from opentelemetry.trace import Span, SpanKind
from yarl import URL

from services.chassis import deadline
from services.chassis.auth import HEADER, Principal, Signer
from services.chassis.errors import TIMED_OUT, UNAUTHENTICATED, UNAVAILABLE, ErrorCode, ServiceError
from services.chassis.faults import Faults
from services.chassis.metrics import CALLS
from services.chassis.registry import Directory, Replica
from services.chassis.resilience import Breakers, OutOfTimeError, RetryBudget
from services.chassis.tracing import fail, span, traceparent

_IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})
_ATTEMPTS = 4
_PAUSE_S = 0.1
_POOL = 64
_KEEP_ALIVE_S = 55


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbound:
    """One request to another service."""

    target: str
    method: str
    path: str
    body: bytes | None = None
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    principal: Principal | None = None


@dataclass(slots=True, eq=False)
class _Pool:
    """The connections to one process, and how many exchanges use them."""

    session: aiohttp.ClientSession
    users: int = 0
    retired: bool = False


class ServiceClient:
    """Calls other services on behalf of this one."""

    def __init__(self, directory: Directory, signer: Signer, breakers: Breakers, faults: Faults | None = None) -> None:
        self._directory = directory
        self._signer = signer
        self._breakers = breakers
        self._faults = faults
        self._budgets: dict[str, RetryBudget] = {}
        self._pools: dict[Replica, _Pool] = {}
        self._closing: set[asyncio.Task[None]] = set()
        directory.on_change(self._let_go)

    async def call(
        self,
        target: str,
        method: str,
        path: str,
        *,
        json: Any = None,
        principal: Principal | None = None,
        timeout_s: float = 5.0,
    ) -> Any:
        """Return `data` of the target's envelope.

        Raises the target's own error as `ServiceError`, `UNAVAILABLE` if nobody could be reached,
        `TIMED_OUT` past the deadline.
        """
        document = await self.document(target, method, path, json=json, principal=principal, timeout_s=timeout_s)
        return document.get("data")

    async def document(
        self,
        target: str,
        method: str,
        path: str,
        *,
        json: Any = None,
        principal: Principal | None = None,
        timeout_s: float = 5.0,
    ) -> dict[str, Any]:
        """Return the whole JSON answer; for answers that have no envelope, such as a JWKS."""
        body = None if json is None else orjson.dumps(json)
        headers = {} if body is None else {"content-type": "application/json"}
        request = Outbound(target=target, method=method, path=path, body=body, headers=headers, principal=principal)
        async with self.exchange(request, timeout_s=timeout_s) as response:
            return _document(target, response.status, await response.read())

    @asynccontextmanager
    async def exchange(
        self, request: Outbound, *, timeout_s: float, whole: bool = True
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send `request` and yield the answer with its body still to be read.

        The time limit holds until the block ends, or, unless `whole`, until the answer begins: whoever passes it on
        waits for a reader whose pace is not the target's. What the block does with the answer never counts against
        the target, except that it breaks off; nor does a time that the caller had shortened.
        """
        outcome = "ok"
        try:
            async with self._breakers.guard(request.target), self._limited(request, timeout_s, whole=whole) as response:
                yield response
        except ServiceError as error:
            outcome = error.code.name
            raise
        finally:
            CALLS.labels(request.target, outcome).inc()

    @asynccontextmanager
    async def _limited(
        self, request: Outbound, timeout_s: float, *, whole: bool
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        limit_s = deadline.remaining_s(timeout_s)
        details = {"service": request.target}
        try:
            async with asyncio.timeout(limit_s) as limit:
                with deadline.within(limit_s), ExitStack() as spans:
                    response = await self._connect(request, spans)
                    if not whole:
                        limit.reschedule(None)
                    yield response
        except TimeoutError as error:
            if limit_s < timeout_s:
                raise OutOfTimeError(TIMED_OUT, details=details) from error
            raise ServiceError(TIMED_OUT, details=details) from error
        except aiohttp.ClientError as error:  # the answer broke off while it was read
            raise ServiceError(UNAVAILABLE, details=details) from error

    async def _connect(self, request: Outbound, spans: ExitStack) -> aiohttp.ClientResponse:
        """Return the first answer; its span is left open in `spans`, to end when the answer has been read."""
        if self._faults is not None and self._faults.active:
            await self._faults.reach(request.target)
        budget = self._budgets.setdefault(request.target, RetryBudget())
        budget.earn()
        for attempt in range(1, _ATTEMPTS + 1):
            replica = self._directory.pick(request.target)
            if replica is not None:
                with ExitStack() as attempts:
                    current = attempts.enter_context(self._span(request, replica, attempt))
                    response = await self._send(request, replica, current, attempts)
                    if response is not None:
                        spans.push(attempts.pop_all())
                        return response
            if attempt == _ATTEMPTS or not budget.spend():
                break
            await self._directory.changed(_PAUSE_S * attempt)
        raise ServiceError(UNAVAILABLE, details={"service": request.target})

    def _span(self, request: Outbound, replica: Replica, attempt: int) -> Any:
        attributes: dict[str, Any] = {
            "http.request.method": request.method,
            "url.path": request.path,
            "server.address": replica.http,
            "autional.peer.service": request.target,
        }
        if attempt > 1:
            attributes["http.request.resend_count"] = attempt - 1
        return span(f"{request.method} {request.target}", SpanKind.CLIENT, attributes)

    async def _send(
        self, request: Outbound, replica: Replica, current: Span, held: ExitStack
    ) -> aiohttp.ClientResponse | None:
        """Return the answer, or None if the attempt failed and may be repeated; `held` gives its connection back."""
        pool = self._pool(replica)
        held.callback(self._leave, pool)
        headers = {
            **request.headers,
            HEADER: self._signer.token(request.target, request.principal),
            "traceparent": traceparent(current),
            deadline.HEADER: str(max(1, int(deadline.remaining_s(30) * 1000))),
        }
        url = replica.http + request.path + (f"?{request.query}" if request.query else "")
        sent = time.time()
        try:
            response = await pool.session.request(
                request.method, _exact(url), data=request.body, headers=headers, allow_redirects=False
            )
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            fail(current, error)
            self._directory.avoid(replica)  # nothing was sent
            return None
        except aiohttp.ClientError as error:
            fail(current, error)
            self._directory.avoid(replica)
            if request.method not in _IDEMPOTENT:
                raise ServiceError(UNAVAILABLE, details={"service": request.target}) from error
            return None
        held.callback(response.release)
        if response.status == UNAUTHENTICATED.status and self._signer.may_be_late(sent):
            fail(current, "the token expired on the way")
            return None
        current.set_attribute("http.response.status_code", response.status)
        return response

    def _pool(self, replica: Replica) -> _Pool:
        """Return the connections to this very process: its successor at the same address has others."""
        pool = self._pools.get(replica)
        if pool is None:
            connector = aiohttp.TCPConnector(limit_per_host=_POOL, keepalive_timeout=_KEEP_ALIVE_S)
            timeout = aiohttp.ClientTimeout(total=None, sock_connect=2, sock_read=30)
            session = aiohttp.ClientSession(
                connector=connector, timeout=timeout, auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()
            )
            pool = self._pools[replica] = _Pool(session)
        pool.users += 1
        return pool

    def _leave(self, pool: _Pool) -> None:
        pool.users -= 1
        if pool.retired and not pool.users:
            self._close_soon(pool)

    def _let_go(self) -> None:
        """Use no idle connection to a process that has left: it would be closed under the next request."""
        for replica in [known for known in self._pools if not self._directory.lists(known)]:
            pool = self._pools.pop(replica)
            pool.retired = True
            if not pool.users:
                self._close_soon(pool)

    def _close_soon(self, pool: _Pool) -> None:
        task = asyncio.ensure_future(pool.session.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        """Close pooled connections."""
        pools, self._pools = list(self._pools.values()), {}
        await asyncio.gather(*(pool.session.close() for pool in pools), *self._closing)


def _exact(url: str) -> URL:
    """Keep the path as the caller wrote it: decoding and encoding again could change what it means."""
    return URL(url, encoded=True)


def _document(target: str, status: int, raw: bytes) -> dict[str, Any]:
    """Return a good answer; raise the error of a bad one under the target's own code."""
    try:
        document = orjson.loads(raw) if raw else {}
    except orjson.JSONDecodeError as error:
        raise ServiceError(UNAVAILABLE, details={"service": target, "status": status}) from error
    if not isinstance(document, dict):
        raise ServiceError(UNAVAILABLE, details={"service": target, "status": status})
    if status < 400:
        return document
    number, details = document.get("code"), document.get("details")
    if not isinstance(number, int):
        raise ServiceError(UNAVAILABLE, details={"service": target, "status": status})
    code = ErrorCode(number, str(document.get("error", "")), status, str(document.get("message", "")))
    raise ServiceError(code, details=details if isinstance(details, dict) else None)
