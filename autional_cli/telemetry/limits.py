"""How much the telemetry process takes and keeps. Settable in a stack file under `telemetry:`."""

from __future__ import annotations

import json
from typing import NamedTuple

MIB = 1024 * 1024
ENVIRONMENT = "AUTIONAL_TELEMETRY_LIMITS"  # a JSON object of the fields of Limits that differ from the defaults


class Limits(NamedTuple):
    """Bounds of the store, of a request and of a span. Counts, bytes and seconds.

    The numbers of a span are OpenTelemetry's defaults: https://opentelemetry.io/docs/specs/otel/common/#attribute-limits.
    """

    size_bytes: int = 512 * MIB  # of the file and its write-ahead log together
    age_s: float = 7 * 86400
    trace_spans: int = 50_000
    request_bytes: int = 16 * MIB  # before and after decompression
    request_spans: int = 20_000
    attributes: int = 128  # of a span, a resource, an event or a link
    attribute_bytes: int = 16 * 1024
    events: int = 128
    links: int = 128

    @property
    def high_bytes(self) -> int:
        """The size of the file from which on traces are removed; the rest is for the write-ahead log."""
        return self.size_bytes * 7 // 8

    @property
    def low_bytes(self) -> int:
        """The size that removing traces aims at, so that it is not done for every batch."""
        return self.size_bytes * 3 // 4

    @property
    def log_bytes(self) -> int:
        """The size of the write-ahead log from which on it is folded into the file."""
        return self.size_bytes // 16

    @property
    def body_bytes(self) -> int:
        """The largest request: it is one transaction, and must fit the write-ahead log."""
        return min(self.request_bytes, self.size_bytes // 16)

    @property
    def trace_bytes(self) -> int:
        """The most of one trace, so that the newest one always fits."""
        return self.size_bytes // 4


def read_limits(text: str | None) -> Limits:
    """Read what the supervisor put into ENVIRONMENT; raises ValueError or TypeError when it is something else."""
    return Limits(**json.loads(text)) if text else Limits()
