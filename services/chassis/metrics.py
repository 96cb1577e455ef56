"""Prometheus metrics of the chassis. They are the process's own registry, so they are module-level by nature."""

from __future__ import annotations

from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, Histogram, generate_latest

REQUESTS = Counter("http_requests_total", "Requests answered", ["method", "route", "status"])
REQUEST_SECONDS = Histogram(
    "http_request_duration_seconds",
    "Time to answer a request, in seconds",
    ["method", "route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
IN_FLIGHT = Gauge("http_requests_in_flight", "Requests, calls and jobs in hand now")
EVENTS_PUBLISHED = Counter("events_published_total", "Events put on the bus", ["type"])
EVENTS_PROCESSED = Counter("events_processed_total", "Events handled", ["type", "outcome"])
CALLS = Counter("calls_total", "Calls to other services", ["target", "outcome"])
BREAKER_OPEN = Gauge("circuit_breaker_open", "1 while calls to the target are refused", ["target"])
SPANS_DROPPED = Counter("spans_dropped_total", "Spans that could not be queued or delivered")
CACHE = Counter("cache_lookups_total", "Cache lookups", ["cache", "outcome"])


METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})
MOST_ROUTES = 500
_routes: set[str] = set()


def bounded(method: str, route: str) -> tuple[str, str]:
    """Return method and route as labels: what clients make up never becomes a series of its own.

    An unknown method is `_OTHER` (OpenTelemetry semantic conventions), a route beyond the first MOST_ROUTES is `other`.
    """
    if route not in _routes:
        if len(_routes) >= MOST_ROUTES:
            route = "other"
        else:
            _routes.add(route)
    return (method if method in METHODS else "_OTHER"), route


def exposition() -> tuple[bytes, str]:
    """Return the metrics in Prometheus text format and their content type."""
    return generate_latest(), CONTENT_TYPE_LATEST
