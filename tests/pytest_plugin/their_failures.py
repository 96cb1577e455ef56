"""Tests of somebody else's repository that fail; `test_session.py` copies this file there and reads the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autional_cli.pytest_plugin.client import Client
    from autional_cli.pytest_plugin.traces import Traces


def test_that_fails(client: Client, trace: Traces) -> None:
    answer = client.get("/api/v1/me")
    assert len(trace(answer).queries()) > 1000


def test_that_fails_without_asking_for_a_trace(client: Client) -> None:
    client.get("/api/v1/profile/me")
    raise AssertionError("as it must")
