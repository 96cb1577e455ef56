"""Metrics: their number does not depend on what clients send."""

from __future__ import annotations

from services.chassis.metrics import MOST_ROUTES, bounded


def test_what_clients_make_up_never_becomes_a_series_of_its_own() -> None:
    assert bounded("GET", "/v1/me") == ("GET", "/v1/me")
    assert bounded("FETCH", "/v1/me") == ("_OTHER", "/v1/me")
    labels = {bounded("GET", f"/v1/{number}")[1] for number in range(3 * MOST_ROUTES)}
    assert len(labels) <= MOST_ROUTES + 1
    assert "other" in labels
    assert bounded("GET", "/v1/me") == ("GET", "/v1/me")
