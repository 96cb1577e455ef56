"""Fixtures: the servers, and a database of its own with the gallery."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from autional_cli.drift.engines import Engines
from tests.drift.databases import Databases
from tests.drift.databases import databases as run_databases
from tests.drift.gallery import gallery

ENGINES = Engines()  # each statement is compiled once for all tests; it holds no connection


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    """The servers, shared; a test that plants something removes it again."""
    with run_databases(tmp_path_factory.mktemp("drift")) as running:
        yield running


@pytest.fixture
async def exhibition(databases: Databases) -> str:
    """The URL of a database, owned as a service owns its own, that holds what the gallery declares and no row."""
    url = databases.gallery_url
    async with ENGINES.connect(url) as connection:
        for statement in ("DROP SCHEMA public CASCADE", "CREATE SCHEMA public"):
            await connection.execute(text(statement))
        await connection.run_sync(gallery().create_all)
        await connection.commit()
    return url
