"""The test as the caller: each request it makes is a root span of the service `pytest`, named in the test's traces.

Without it a request that got no answer could not be found, and a trace whose root is sent by nobody is never complete.
"""

from __future__ import annotations

import http.client
import json
import secrets
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

SEND_S = 5.0
SERVICE = "pytest"
CLIENT, ERROR = 3, 2  # SpanKind and StatusCode of OTLP
BATCH = 200


@dataclass(slots=True, kw_only=True)
class Caller:
    """One request as its sender sees it. Times are nanoseconds since the Unix epoch."""

    method: str
    path: str
    trace_id: str = field(default_factory=lambda: secrets.token_hex(16))
    span_id: str = field(default_factory=lambda: secrets.token_hex(8))
    start_ns: int = field(default_factory=time.time_ns)
    end_ns: int = 0
    status: int = 0
    failure: str = ""

    @property
    def traceparent(self) -> str:
        """What makes the platform continue this trace (W3C Trace Context)."""
        return f"00-{self.trace_id}-{self.span_id}-01"

    def end(self, status: int, failure: BaseException | None = None) -> None:
        """Note the answer, or why there is none."""
        self.end_ns = time.time_ns()
        self.status = status
        self.failure = f"{type(failure).__name__}: {failure}" if failure else ""

    def __str__(self) -> str:
        answer = self.failure or (str(self.status) if self.end_ns else "no answer yet")
        return f"{self.method} {self.path} → {answer}  trace {self.trace_id}"


@dataclass(slots=True, kw_only=True)
class Callers:
    """All requests of one test."""

    collector: str
    test: str
    worker: str
    made: list[Caller] = field(default_factory=list)
    _told: int = 0

    def __call__(self, method: str, path: str) -> Caller:
        """Begin a request."""
        caller = Caller(method=method, path=path.partition("?")[0])
        self.made.append(caller)
        return caller

    def tell(self) -> None:
        """Send the spans that are not sent yet. A collector that is away changes nothing but the picture."""
        ready = [caller for caller in self.made[self._told :] if caller.end_ns]
        self._told = len(self.made)
        for first in range(0, len(ready), BATCH):
            document = {"resourceSpans": [self._resource(ready[first : first + BATCH])]}
            try:
                self._post(json.dumps(document).encode())
            except (OSError, http.client.HTTPException):
                return

    def _post(self, body: bytes) -> None:
        connection = http.client.HTTPConnection(urlsplit(self.collector).netloc, timeout=SEND_S)
        try:
            connection.request("POST", "/v1/traces", body, {"content-type": "application/json"})
            connection.getresponse().read()
        finally:
            connection.close()

    def _resource(self, callers: list[Caller]) -> dict[str, Any]:
        about = {"service.name": SERVICE, "service.instance.id": self.worker}
        return {
            "resource": {"attributes": attributes(about)},
            "scopeSpans": [{"scope": {"name": "autional.pytest"}, "spans": [self._span(caller) for caller in callers]}],
        }

    def _span(self, caller: Caller) -> dict[str, Any]:
        known: dict[str, Any] = {"test.case.name": self.test, "http.request.method": caller.method}
        if caller.status:
            known["http.response.status_code"] = caller.status
        return {
            "traceId": caller.trace_id,
            "spanId": caller.span_id,
            "name": f"{caller.method} {caller.path}",
            "kind": CLIENT,
            "startTimeUnixNano": str(caller.start_ns),
            "endTimeUnixNano": str(caller.end_ns),
            "attributes": attributes(known),
            "status": {"code": ERROR, "message": caller.failure} if caller.failure else {},
        }


def attributes(values: dict[str, Any]) -> list[dict[str, Any]]:
    """Return attributes as OTLP's JSON has them."""
    return [
        {"key": key, "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}}
        for key, value in values.items()
    ]
