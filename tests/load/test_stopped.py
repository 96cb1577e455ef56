"""What is turned away and what is lost when a service is stopped on purpose, from records alone."""

from __future__ import annotations

from typing import Any

import pytest

from autional_cli.events.bus import position
from autional_cli.load.records import Outcome, Records, Request
from autional_cli.load.stopped import needed, turn_away
from autional_cli.workspace.discover import discover
from tests.platform.running import ROOT

SPECS = discover(ROOT)
SINCE = 100.0
CLEAN: dict[str, Any] = {"at": 101.0, "status": 503, "code": "UNAVAILABLE", "trace_id": "ab", "error": "UNAVAILABLE"}
NOBODY: dict[str, Any] = {"at": 101.0, "error": "ClientConnectorError: Cannot connect to host 127.0.0.1:11000"}


def judged(stopped: str, path: str = "/api/v1/profile/me", **of: Any) -> Outcome:
    """Return what becomes of one failed request when `stopped` is stopped at SINCE."""
    request = Request(capability="profile.change", method="GET", path=path, ms=1.0, **of)
    turn_away(Records(requests=[request]), {stopped: SINCE}, SPECS)
    return request.outcome


@pytest.mark.parametrize("stopped", ["profile", "session", "gateway"])
def test_a_clean_refusal_for_want_of_a_stopped_service_is_turned_away(stopped: str) -> None:
    assert judged(stopped, **CLEAN) is Outcome.TURNED_AWAY


@pytest.mark.parametrize(
    "changed",
    [
        {"at": 99.9},  # sent before: it was accepted
        {"status": 504, "code": "TIMED_OUT"},
        {"status": 500, "code": "INTERNAL"},
        {"code": ""},  # no envelope
        {"trace_id": ""},
        {"status": 0, "error": "no answer in time"},
    ],
    ids=str,
)
def test_whatever_is_no_clean_refusal_after_the_stop_began_is_lost(changed: dict[str, Any]) -> None:
    assert judged("profile", **{**CLEAN, **changed}) is Outcome.FAILED


def test_a_refusal_that_does_not_need_the_stopped_service_is_lost() -> None:
    assert judged("audit", **CLEAN) is Outcome.FAILED
    assert judged("audit", path="/api/v1/audit/events?type=user.logged_in", **CLEAN) is Outcome.TURNED_AWAY


def test_no_connection_is_a_refusal_only_by_a_stopped_gateway() -> None:
    broken = {**NOBODY, "error": "ServerDisconnectedError: Server disconnected"}
    assert judged("gateway", **NOBODY) is Outcome.TURNED_AWAY
    assert judged("gateway", **broken) is Outcome.FAILED
    assert judged("profile", **NOBODY) is Outcome.FAILED
    assert judged("gateway", **{**NOBODY, "at": 99.0}) is Outcome.FAILED


def test_what_a_service_needs_is_what_it_calls_and_what_everybody_needs() -> None:
    assert set(needed("profile", SPECS)) == {"profile", "session", "gateway"}
    assert {"identity", "mfa"} <= set(needed("notification", SPECS))


def test_positions_on_a_stream_are_numbers_and_not_text() -> None:
    assert position("9-10") > position("9-9")
    assert position("10-0") > position("9-99")
