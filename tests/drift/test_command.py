"""`autional drift` as a person runs it, on a running platform."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest

from autional_cli.instance import Instance
from autional_cli.migrations.databases import database_url
from tests.platform.running import ROOT, Platform


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    """A platform with all services, whose schemas these tests spoil and mend."""
    own = Platform(instance=f"drift-{os.getpid()}")
    try:
        own.up()
        yield own
    finally:
        own.down()


def sql(platform: Platform, service: str, statement: str) -> None:
    done = platform.run("db", "shell", service, "--write", "-c", statement)
    assert done.returncode == 0, done.stderr


def test_a_clean_platform_is_0_and_says_so(platform: Platform) -> None:
    shown = platform.json("drift")
    assert shown["schema"] == 1
    assert {one["name"] for one in shown["services"]} >= {
        "identity",
        "session",
        "mfa",
        "profile",
        "notification",
        "audit",
    }
    assert all(one["differences"] == [] for one in shown["services"])


def test_a_difference_is_7_with_both_sides_and_what_mends_it_and_mending_it_is_0(platform: Platform) -> None:
    sql(platform, "profile", "ALTER TABLE profiles ALTER display_name TYPE varchar(9)")
    found = platform.run("drift", "profile", "identity", "--format", "json")
    assert found.returncode == 7
    by_name = {one["name"]: one for one in json.loads(found.stdout)["services"]}
    assert by_name["identity"]["differences"] == []
    [one] = by_name["profile"]["differences"]
    assert (one["kind"], one["object"]) == ("column_type", "profiles.display_name")
    assert (one["model"], one["database"]) == ("text", "character varying(9)")
    shown = platform.run("drift", "profile")
    assert shown.returncode == 7
    assert "model     text" in shown.stdout
    assert "database  character varying(9)" in shown.stdout
    assert one["mend"] in shown.stdout
    assert "autional migrate new" in shown.stderr
    sql(platform, "profile", one["mend"])
    mended = platform.run("drift")
    assert mended.returncode == 0
    assert "no drift in" in mended.stderr


def test_url_compares_another_database_of_exactly_one_service(platform: Platform) -> None:
    mfa = database_url(Instance.open(ROOT, platform.instance), "mfa").replace("postgresql+asyncpg", "postgresql")
    assert platform.run("drift", "mfa", "--url", mfa).returncode == 0
    wrong = platform.run("drift", "profile", "--url", mfa, "--format", "json")
    assert wrong.returncode == 7
    kinds = {(d["kind"], d["object"]) for d in json.loads(wrong.stdout)["services"][0]["differences"]}
    assert ("table_missing", "profiles") in kinds
    assert ("table_extra", "totp_credentials") in kinds
    assert platform.run("drift", "--url", mfa).returncode == 2
    assert platform.run("drift", "mfa", "profile", "--url", mfa).returncode == 2


def test_an_unknown_service_is_2_and_a_stopped_platform_is_4() -> None:
    stopped = Platform(instance=f"never-{os.getpid()}")
    try:
        unknown = stopped.run("drift", "identiti")
        assert unknown.returncode == 2
        assert "identity" in unknown.stderr
        down = stopped.run("drift")
        assert down.returncode == 4
        assert "autional up" in down.stderr
    finally:
        stopped.down()
