"""Servers that a stack names by URL: real ones, which another instance happens to run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest

from autional_cli.drivers.choice import resources
from autional_cli.errors import AutionalError, ExitCode
from autional_cli.instance import Instance
from autional_cli.workspace.model import ResourceEntry, Stack

from .running import AUDIT, IDENTITY, SESSION, SPECS, running
from .test_mongo import count, insert
from .test_postgres import connect, run_sql

if TYPE_CHECKING:
    from autional_cli.drivers.base import Resource


def external(tmp_path: Path, **urls: str) -> dict[str, Resource]:
    """Return the resources of another instance, for which `urls` are external."""
    other = Instance.open(tmp_path / "other", "test")
    other.create()
    entries = {name: ResourceEntry(driver="external", url=url) for name, url in urls.items()}
    stack = Stack(name="x", path=Path("stacks/x.yaml"), services={}, resources=entries)
    found = {resource.name: resource for resource in resources(other, stack, SPECS)}
    other.discard_run_dir()
    return found


async def test_each_service_gets_a_database_and_a_role_of_its_own_there(
    platform: dict[str, Resource], tmp_path: Path
) -> None:
    async with running(platform["postgres"]):
        postgres = external(tmp_path, postgres=platform["postgres"].admin_url())["postgres"]
        postgres.inspect()
        assert postgres.process() is None
        await postgres.wait_ready(10)
        for _ in range(2):
            await postgres.provision()
        rows = await run_sql(postgres.url_for(SESSION), "SELECT current_user, current_database()")
        assert tuple(rows[0][0]) == ("session", "session")
        with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError):
            await connect(postgres.url_for(IDENTITY), database="session")


async def test_documents_are_kept_apart_there_too(platform: dict[str, Resource], tmp_path: Path) -> None:
    async with running(platform["mongo"]):
        mongo = external(tmp_path, mongo=platform["mongo"].admin_url())["mongo"]
        await mongo.provision()
        await insert(mongo.url_for(AUDIT), a=1)
        assert await count(mongo.url_for(AUDIT)) == 1


async def test_a_bus_is_used_as_it_is_and_a_password_comes_from_the_environment(tmp_path: Path) -> None:
    os.environ["TEST_BUS_PASSWORD"] = "p@ss/word"
    try:
        bus = external(tmp_path, redis="rediss://app:${TEST_BUS_PASSWORD}@bus.example:6380/0")["redis"]
        assert bus.url_for(IDENTITY) == "rediss://app:p%40ss%2Fword@bus.example:6380/0"
        assert "p@ss" not in repr(bus)
        assert "p%40ss" not in repr(bus)
    finally:
        del os.environ["TEST_BUS_PASSWORD"]


def test_a_variable_that_is_not_set_is_named_with_the_file(tmp_path: Path) -> None:
    bus = external(tmp_path, redis="redis://:${NOBODY_SET_THIS}@bus.example/0")["redis"]
    with pytest.raises(
        AutionalError, match=r"stacks/x\.yaml: the url of redis refers to \$\{NOBODY_SET_THIS\}"
    ) as caught:
        bus.inspect()
    assert caught.value.exit_code is ExitCode.CONFIGURATION


async def test_a_server_that_is_not_there_is_named(tmp_path: Path) -> None:
    bus = external(tmp_path, redis="redis://127.0.0.1:1/0")["redis"]
    with pytest.raises(AutionalError, match=r"redis at 127\.0\.0\.1:1 did not answer within 0\.3 s"):
        await bus.wait_ready(0.3)
