"""`drain --prove` on a real platform: a roll holds, what was taken away is found, what stays down is accounted for."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import Iterator
from typing import Any

import asyncpg
import pytest

from autional_cli.instance import Instance
from autional_cli.migrations.databases import database_url
from tests.platform.running import Platform

SMALL = ("--users", "9", "--load", "18")
TAKE = """DELETE FROM inbox WHERE event_id IN
    (SELECT event_id FROM inbox WHERE type = 'user.created' AND processed_at > $1 LIMIT 1) RETURNING event_id"""


@pytest.fixture(scope="module")
def loaded() -> Iterator[Platform]:
    """A platform for the tests of this file."""
    own = Platform(instance=f"prove-{os.getpid()}")
    try:
        own.up()
        yield own
    finally:
        own.down()


def sums(proof: dict[str, Any]) -> None:
    """Every request and every message is in exactly one of the counts."""
    requests, messages = proof["requests"], proof["messages"]
    ends = ("answered", "refused", "turned_away", "failed")
    assert requests["sent"] == sum(requests[end] for end in ends) > 50
    unapplied = [each for each in messages["lost"] if each["what"] in ("not applied", "dead letter")]
    assert messages["due"] == messages["applied"] + messages["kept"] + len(unapplied) > 50


def test_a_roll_of_all_services_under_load_is_proved_to_lose_nothing(loaded: Platform) -> None:
    report = loaded.json("drain", "--restart", "--all", "--prove", *SMALL)
    proof = report["proof"]
    sums(proof)
    assert (report["restarted"], len(report["services"])) == (True, 7)
    assert (report["lost_requests"], report["lost_messages"], proof["doubled_messages"]) == (0, 0, 0)
    assert proof["holds"]
    assert (proof["requests"]["turned_away"], proof["messages"]["kept"]) == (0, 0), "a roll turns nobody away"
    assert proof["load"] == {"users": 9, "rate": 18.0, "newcomers": 1}
    assert 0 < proof["latency"]["before"]["p50_ms"] <= proof["latency"]["during"]["p99_ms"]


def test_a_service_that_stays_down_turns_users_away_and_its_messages_are_kept(loaded: Platform) -> None:
    try:
        report = loaded.json("drain", "audit", "--prove", *SMALL)
    finally:
        loaded.up()
    proof = report["proof"]
    sums(proof)
    assert (report["restarted"], [service["name"] for service in report["services"]]) == (False, ["audit"])
    assert (report["lost_requests"], report["lost_messages"]) == (0, 0)
    assert proof["requests"]["turned_away"] > 0
    assert proof["messages"]["kept"] > 0


async def test_a_lost_message_is_exit_8_and_named_with_its_trace(loaded: Platform) -> None:
    url = database_url(Instance.open(loaded.root, loaded.instance), "profile")
    connection = await asyncpg.connect(url.replace("postgresql+asyncpg", "postgresql"))
    try:
        since = await connection.fetchval("SELECT now()")
        command = loaded.start("drain", "--restart", "profile", "--prove", *SMALL, "--timeout", "5", "--format", "json")
        async with asyncio.timeout(30):
            while (taken := await connection.fetchval(TAKE, since)) is None:  # noqa: ASYNC110 - another process writes it
                await asyncio.sleep(0.02)
        out, err = await asyncio.to_thread(command.communicate, timeout=60)
    finally:
        await connection.close()
    assert command.returncode == 8, err
    report = json.loads(out)
    sums(report["proof"])
    (lost,) = report["proof"]["messages"]["lost"]
    assert (report["lost_requests"], report["lost_messages"], report["proof"]["holds"]) == (0, 1, False)
    assert (lost["event_id"], lost["type"], lost["where"]) == (str(taken), "user.created", "profile")
    assert len(lost["trace_id"]) == 32
    assert f"message user.created: not applied by profile (trace {lost['trace_id']})" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--self", "--prove"), "--self knows one service"),
        (("audit", "--users", "3"), "add --prove"),
        (("audit", "--load", "3"), "add --prove"),
        (("audit", "--prove", "--users", "0"), "--users"),
        (("audit", "--prove", "--load", "-1"), "--load"),
        (("audit", "--prove", "--load", "nan"), "--load"),
        (("audit", "--prove", "--timeout", "inf"), "it has to end"),
        (("--prove",), "name the services"),
        (("nobody", "--prove"), "nobody does not run"),
        (("postgres", "--prove"), "postgres"),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused_before_anything_is_drained(
    loaded: Platform, arguments: tuple[str, ...], said: str
) -> None:
    done: subprocess.CompletedProcess[str] = loaded.run("drain", *arguments, timeout_s=20)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert "sign in" not in done.stderr, "nobody makes load for what is refused"
    assert "draining" not in done.stderr
