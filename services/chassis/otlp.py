"""Spans out: a bounded queue, a thread, and OTLP over HTTP on one kept connection of the standard library.

A request pays for an append. The thread sleeps without a tick until there is something to send, then lets spans gather
for a moment. What cannot be queued or delivered is dropped and counted, never waited for.
"""

from __future__ import annotations

import http.client
import logging
import threading
import time
from collections import deque
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from services.chassis.metrics import SPANS_DROPPED
from services.chassis.otlp_encoding import encode_batch
from services.chassis.spans import RecordedSpan

_log = logging.getLogger(__name__)
_TIMEOUT_S = 5.0
_ATTEMPTS = 3
_PAUSE_S = 0.1
_RETRYABLE = frozenset({429, 502, 503, 504})  # OTLP specification 1.x, "Retryable response codes"
_QUEUED = 8192
_BATCH = 512


class Connection:
    """The way to one collector."""

    def __init__(self, endpoint: str) -> None:
        url = urlsplit(endpoint)
        kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(url.hostname or "127.0.0.1", url.port, timeout=_TIMEOUT_S)
        self._path = f"{url.path.rstrip('/')}/v1/traces"

    def post(self, body: bytes) -> int:
        """Return the status, 0 if the collector could not be reached. The next call connects anew."""
        try:
            self._connection.request("POST", self._path, body, {"content-type": "application/x-protobuf"})
            response = self._connection.getresponse()
            response.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            return 0
        return response.status

    def close(self) -> None:
        """Close it; it may be used again."""
        self._connection.close()


class OtlpExporter:
    """Sends spans to `<endpoint>/v1/traces` from a thread of its own."""

    def __init__(self, endpoint: str, resource: Mapping[str, Any], *, delay_s: float = 0.2) -> None:
        """`delay_s` is how long spans gather; `resource` are the attributes of the process."""
        self._connection = Connection(endpoint)
        self._resource = dict(resource)
        self._delay_s = delay_s
        self._queue: deque[RecordedSpan] = deque()
        self._something = threading.Event()
        self._hurry = threading.Event()
        self._closing = threading.Event()
        self._sent = threading.Condition()
        self._taken = 0
        self._done = 0
        self.dropped = 0
        self._thread = threading.Thread(target=self._run, name="spans", daemon=True)
        self._thread.start()

    def finished(self, span: RecordedSpan) -> None:
        """Queue a span that ended; never waits."""
        waiting = len(self._queue)
        if waiting >= _QUEUED or self._closing.is_set():
            self._drop(1)
            return
        self._queue.append(span)
        if not self._something.is_set():
            self._something.set()
        if waiting == _BATCH:
            self._hurry.set()

    def flush(self, timeout_s: float) -> bool:
        """Send what is queued; false if it did not finish in `timeout_s` seconds."""
        deadline = time.monotonic() + timeout_s
        while self._queue or self._taken != self._done:
            self._hurry.set()
            self._something.set()
            left_s = deadline - time.monotonic()
            if left_s <= 0 or not self._thread.is_alive():
                return False
            with self._sent:
                if self._queue or self._taken != self._done:
                    self._sent.wait(min(left_s, 0.05))
        return True

    def close(self, timeout_s: float = 2.0) -> None:
        """Stop waiting between attempts, send what is left once, and end the thread."""
        self._closing.set()
        self._hurry.set()
        self._something.set()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while not (self._closing.is_set() and not self._queue):
            self._something.wait()
            self._hurry.wait(self._delay_s)
            self._hurry.clear()
            self._something.clear()  # before the queue is emptied: a span that comes now sets it again
            while self._queue:
                self._send([self._queue.popleft() for _ in range(min(_BATCH, len(self._queue)))])
        self._connection.close()

    def _send(self, batch: list[RecordedSpan]) -> None:
        self._taken += len(batch)
        try:
            if not self._deliver(encode_batch(self._resource, batch)):
                self._drop(len(batch))
        except Exception:  # noqa: BLE001 - whatever a span holds, the thread must outlive it
            self._drop(len(batch))
            _log.exception("spans could not be sent")
        finally:
            with self._sent:
                self._done += len(batch)
                self._sent.notify_all()

    def _deliver(self, body: bytes) -> bool:
        for attempt in range(1, _ATTEMPTS + 1):
            status = self._connection.post(body)
            if 200 <= status < 300:
                return True
            if status and status not in _RETRYABLE:
                return False
            if attempt < _ATTEMPTS and self._closing.wait(_PAUSE_S * attempt):
                return False
        return False

    def _drop(self, count: int) -> None:
        self.dropped += count
        SPANS_DROPPED.inc(count)
