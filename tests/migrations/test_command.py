"""`autional migrate` as a person runs it, on a running platform whose services are left out of it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest

from tests.platform.running import Platform


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    """A platform whose schemas these tests undo and apply again."""
    own = Platform(instance=f"migrate-{os.getpid()}")
    try:
        own.up("profile")
        yield own
    finally:
        own.down()


def test_down_wants_y_when_data_is_lost_and_up_brings_the_schema_back(platform: Platform) -> None:
    row = "INSERT INTO profiles (user_id, display_name) VALUES (gen_random_uuid(), 'Ada')"
    assert platform.run("db", "shell", "profile", "--write", "-c", row).returncode == 0
    asked = platform.run("migrate", "down", "-s", "profile")
    assert asked.returncode == 2
    assert "profile: table profiles (1 row)" in asked.stderr
    printed = platform.run("migrate", "down", "profile", "--sql")
    assert "DROP TABLE profiles" in printed.stdout
    assert platform.json("migrate", "status", "profile")["services"][0]["current"]  # nothing has happened yet
    done = platform.run("migrate", "down", "-s", "profile", "-y", "--format", "json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["services"] == [
        {"name": "profile", "revision": "", "head": "profile_0001", "current": False}
    ]
    assert "profile: undone profile_0001" in done.stderr
    assert platform.run("migrate", "status").returncode == 7
    assert "revision_missing" in platform.run("drift", "profile").stdout


def test_rehearse_prints_what_up_then_does(platform: Platform) -> None:
    found = platform.json("migrate", "rehearse", "profile")["services"][0]
    assert [step["revision"] for step in found["steps"]] == ["profile_0001"]
    assert found["ok"] is True
    printed = platform.json("migrate", "up", "profile", "--dry-run")["services"]
    assert "CREATE TABLE profiles" in printed[0]["sql"]
    done = platform.run("migrate", "up", "-s", "profile")
    assert done.returncode == 0, done.stderr
    assert "profile: applied profile_0001 in" in done.stderr
    assert "nothing is pending" in platform.run("migrate", "rehearse", "profile").stdout
    assert platform.run("drift", "profile").returncode == 0


def test_new_without_a_difference_writes_nothing(platform: Platform) -> None:
    assert platform.json("migrate", "new", "-s", "profile", "-m", "nothing") == {"schema": 1, "services": []}


def test_wrong_choices_are_2_and_say_what_there_is(platform: Platform) -> None:
    assert platform.run("migrate", "down", "--to", "profile_0001").returncode == 2
    unknown = platform.run("migrate", "new", "-s", "audit", "-m", "x")
    assert unknown.returncode == 2
    assert "profile" in unknown.stderr
