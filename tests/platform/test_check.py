"""`autional check` with a platform: the databases are asked, and what is planted in them is found."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.platform.running import Platform
from tests.scaffold.workspaces import copy_workspace

DATA = ("check", "--lane", "data", "--format", "json")


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A copy of the workspace, running: its files and databases may be spoilt."""
    root = copy_workspace(tmp_path_factory.mktemp("checked"))
    own = Platform(instance="checked", root=root, env={"PYTHONPATH": str(root)})
    try:
        own.up()
        yield own
    finally:
        own.down()


def checked(platform: Platform, *arguments: str) -> tuple[int, dict[str, Any]]:
    """Run a check and return its exit code and document."""
    done = platform.run(*(arguments or DATA))
    return done.returncode, json.loads(done.stdout)


def sql(platform: Platform, service: str, statement: str) -> None:
    """Run a statement as the service's own role."""
    platform.run("db", "shell", service, "--write", "-c", statement)


def test_a_platform_as_it_comes_up_has_no_finding(copied: Platform) -> None:
    code, document = checked(copied)
    assert (code, document["findings"], document["incomplete"]) == (0, [], [])
    assert {"DAT01", "DAT02", "DAT03", "DAT05", "DAT12", "DAT13"} <= document["subjects"].keys()


@pytest.mark.parametrize(
    ("service", "plant", "undo", "rule"),
    [
        ("profile", "ALTER TABLE profiles ADD extra int", "ALTER TABLE profiles DROP extra", "DAT01"),
        (
            "profile",
            "ALTER TABLE profiles ALTER locale SET DEFAULT 'de'",
            "ALTER TABLE profiles ALTER locale SET DEFAULT 'en'",
            "DAT03",
        ),
        (
            "session",
            "UPDATE alembic_version SET version_num = 'session_0000'",
            "UPDATE alembic_version SET version_num = 'session_0001'",
            "DAT12",
        ),
    ],
)
def test_what_is_planted_in_a_database_is_found_by_its_rule(
    copied: Platform, service: str, plant: str, undo: str, rule: str
) -> None:
    sql(copied, service, plant)
    try:
        code, document = checked(copied)
    finally:
        sql(copied, service, undo)
    assert code == 1
    assert {(each["code"], each["path"].split("/")[1]) for each in document["findings"]} == {(rule, service)}


def test_a_downgrade_that_leaves_something_behind_is_found(copied: Platform) -> None:
    [path] = (copied.root / "migrations/profile").glob("0001_*.py")
    before = path.read_text()
    path.write_text(before.replace('op.drop_table("profiles")', "pass"))
    try:
        code, document = checked(copied, *DATA, "--rule", "DAT05")
    finally:
        path.write_text(before)
    assert code == 1
    assert {each["code"] for each in document["findings"]} == {"DAT05"}
    assert any("profiles" in each["message"] for each in document["findings"])


def test_without_a_platform_the_data_lane_could_not_look_and_says_so(own_platform: Platform) -> None:
    done = own_platform.run("check", "--lane", "data")
    assert done.returncode == 2
    assert "could not look" in done.stdout
    assert "autional up" in done.stdout
    named = own_platform.run("check", "--lane", "data", "--instance", own_platform.instance)
    assert named.returncode == 3  # somebody means an instance that is not there
