"""Spans out: OTLP over HTTP (protobuf) on one kept connection of the standard library.

The SDK's own HTTP exporter spends ten times as long in its client as it does encoding, five times a second in every
process (docs/adr/0003). The encoding is the SDK's.
"""

from __future__ import annotations

import http.client
import threading
from collections.abc import Sequence
from urllib.parse import urlsplit

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

_TIMEOUT_S = 5.0
_ATTEMPTS = 3
_PAUSE_S = 0.1
_RETRYABLE = frozenset({429, 502, 503, 504})  # OTLP specification 1.x, "Retryable response codes"


class OtlpExporter(SpanExporter):
    """Posts batches to `<endpoint>/v1/traces`; a batch that cannot be delivered is dropped, never waited for long."""

    def __init__(self, endpoint: str) -> None:
        url = urlsplit(endpoint)
        kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(url.hostname or "127.0.0.1", url.port, timeout=_TIMEOUT_S)
        self._path = f"{url.path.rstrip('/')}/v1/traces"
        self._closing = threading.Event()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send a batch; called by the batch processor's thread."""
        body = encode_spans(spans).SerializeToString()
        for attempt in range(1, _ATTEMPTS + 1):
            status = self._post(body)
            if 200 <= status < 300:
                return SpanExportResult.SUCCESS
            if status and status not in _RETRYABLE:
                break
            if attempt < _ATTEMPTS and self._closing.wait(_PAUSE_S * attempt):
                break
        return SpanExportResult.FAILURE

    def _post(self, body: bytes) -> int:
        """Return the status, 0 if the collector could not be reached. The next call connects anew."""
        try:
            self._connection.request("POST", self._path, body, {"content-type": "application/x-protobuf"})
            response = self._connection.getresponse()
            response.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            return 0
        return response.status

    def shutdown(self) -> None:
        """Stop waiting between attempts and close the connection."""
        self._closing.set()
        self._connection.close()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Return true: nothing is kept between calls."""
        return True
