"""HTTP clients for tests: on the gateway, with a user's token, each request the root of a trace of its own."""

from __future__ import annotations

import http.client
import json as json_text
import time
from abc import ABC, abstractmethod
from collections.abc import Coroutine
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import urlencode, urlsplit

from autional_cli.errors import AutionalError, ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from autional_cli.pytest_plugin.callers import Caller

REQUEST_S = 30.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.02, 0.25
Answer = TypeVar("Answer")
_STALE = (ConnectionError, http.client.RemoteDisconnected, http.client.BadStatusLine)


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """An answer. `headers` have lower-case names; `ms` is how long it took to be read whole."""

    method: str
    path: str
    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    ms: float
    trace_id: str

    @property
    def ok(self) -> bool:
        """Whether the status is below 400."""
        return self.status < 400

    def json(self) -> Any:
        """Return the body as JSON; ValueError if it is not."""
        return json_text.loads(self.body)

    @property
    def data(self) -> Any:
        """The `data` of the envelope."""
        return self.json()["data"]

    @property
    def error(self) -> str:
        """The symbolic name of an error, such as `EMAIL_TAKEN`; empty for a good answer."""
        return str(self.json().get("error") or "")

    def expect(self, status: int) -> Response:
        """Return this answer if it has the status; AssertionError with its body otherwise."""
        if self.status != status:
            said = self.body[:2000].decode(errors="replace")
            raise AssertionError(f"{self.method} {self.path}: expected {status}, got {self.status}: {said}")
        return self

    def __repr__(self) -> str:
        return f"<{self.method} {self.path} {self.status} in {self.ms:.0f} ms, trace {self.trace_id}>"


@dataclass(slots=True, kw_only=True)
class Sending:
    """One request on its way, for both clients."""

    method: str
    path: str
    body: bytes | None
    headers: dict[str, str]
    caller: Caller
    began: float

    def answered(self, status: int, headers: Mapping[str, str], body: bytes) -> Response:
        """Return the answer and record it."""
        response = Response(
            method=self.method,
            path=self.path,
            status=status,
            headers={name.lower(): value for name, value in headers.items()},
            body=body,
            ms=(time.perf_counter() - self.began) * 1000,
            trace_id=self.caller.trace_id,
        )
        self.caller.end(status)
        return response


class Requests(ABC, Generic[Answer]):
    """What both clients share: where they send to and as whom, the verbs, and what becomes of a request."""

    def __init__(self, base: str, callers: Callable[[str, str], Caller], token: str = "") -> None:
        self.base = base
        self.token = token
        self._callers = callers

    def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        data: bytes | None = None,
        params: Any = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = REQUEST_S,
    ) -> Answer:
        """Send a request and return its answer, whatever its status; the HTTP library's error if there is none."""
        return self._send(partial(self._begin, method, path, json, data, params, headers), timeout)

    def get(self, path: str, **options: Any) -> Answer:
        """Send a GET; options as `request` has them."""
        return self.request("GET", path, **options)

    def post(self, path: str, json: Any = None, **options: Any) -> Answer:
        """Send a POST."""
        return self.request("POST", path, json=json, **options)

    def put(self, path: str, json: Any = None, **options: Any) -> Answer:
        """Send a PUT."""
        return self.request("PUT", path, json=json, **options)

    def patch(self, path: str, json: Any = None, **options: Any) -> Answer:
        """Send a PATCH."""
        return self.request("PATCH", path, json=json, **options)

    def delete(self, path: str, **options: Any) -> Answer:
        """Send a DELETE."""
        return self.request("DELETE", path, **options)

    @abstractmethod
    def _send(self, begin: Callable[[], Sending], timeout: float) -> Answer:
        """Begin a request, send it, and return the answer. A coroutine begins it when it is awaited, not when made."""

    def _begin(
        self, method: str, path: str, json: Any, data: bytes | None, params: Any, headers: Mapping[str, str] | None
    ) -> Sending:
        caller = self._callers(method, path)
        sent = {"accept": "application/json", "traceparent": caller.traceparent}
        if self.token:
            sent["authorization"] = f"Bearer {self.token}"
        if json is not None:
            data = json_text.dumps(json).encode()
            sent["content-type"] = "application/json"
        sent.update({name.lower(): value for name, value in (headers or {}).items()})
        target = f"{path}?{urlencode(params, doseq=True)}" if params else path
        return Sending(method=method, path=target, body=data, headers=sent, caller=caller, began=time.perf_counter())


class Client(Requests[Response]):
    """A client for plain tests. One connection, kept open; not for several threads at once."""

    _connection: http.client.HTTPConnection | None = None

    def _send(self, begin: Callable[[], Sending], timeout: float) -> Response:
        sending = begin()
        try:
            status, answered, body = self._exchange(sending, timeout)
        except (OSError, http.client.HTTPException) as failure:
            self.close()
            sending.caller.end(0, failure)
            raise
        return sending.answered(status, answered, body)

    def eventually(self, path: str, until: Callable[[Response], bool], *, timeout: float = 15.0) -> Response:
        """GET again and again until the answer satisfies `until`: for what reaches a service through the bus.

        AutionalError (exit 5) with the last answer past `timeout` seconds.
        """
        deadline, pause_s = time.monotonic() + timeout, FIRST_PAUSE_S
        while True:
            response = self.get(path)
            if until(response):
                return response
            if time.monotonic() > deadline:
                said = response.body[:500].decode(errors="replace")
                raise AutionalError(
                    f"GET {path} was not as expected within {timeout:g} s; last: {response.status} {said}",
                    hint=f"autional trace {response.trace_id}",
                    exit_code=ExitCode.WAIT_TIMED_OUT,
                )
            time.sleep(pause_s)
            pause_s = min(LONGEST_PAUSE_S, pause_s * 1.5)

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _exchange(self, sending: Sending, timeout: float) -> tuple[int, Mapping[str, str], bytes]:
        kept = self._connection is not None
        try:
            return self._once(sending, timeout)
        except _STALE:
            self.close()
            if not kept or sending.method not in ("GET", "HEAD"):  # the server may have ended an idle connection
                raise
        return self._once(sending, timeout)

    def _once(self, sending: Sending, timeout: float) -> tuple[int, Mapping[str, str], bytes]:
        if self._connection is None:
            self._connection = http.client.HTTPConnection(urlsplit(self.base).netloc, timeout=timeout)
        if self._connection.sock is not None:
            self._connection.sock.settimeout(timeout)
        self._connection.timeout = timeout
        self._connection.request(sending.method, sending.path, body=sending.body, headers=sending.headers)
        answer = self._connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()


class AsyncClient(Requests[Coroutine[Any, Any, Response]]):
    """The same for coroutines, with a connection for each request: nothing is left open in the test's own loop."""

    async def _send(self, begin: Callable[[], Sending], timeout: float) -> Response:
        import aiohttp

        sending = begin()
        limit = aiohttp.ClientTimeout(total=timeout)
        try:
            async with (
                aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), timeout=limit) as session,
                session.request(
                    sending.method, self.base + sending.path, data=sending.body, headers=sending.headers
                ) as answer,
            ):
                return sending.answered(answer.status, dict(answer.headers), await answer.read())
        except (OSError, aiohttp.ClientError) as failure:
            sending.caller.end(0, failure)
            raise
