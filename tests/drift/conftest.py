"""Fixtures: the servers, and a database of its own with the gallery."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from autional_cli.migrations.apply import connected
from autional_cli.migrations.scratch import scratch_database
from tests.drift.databases import Databases
from tests.drift.databases import databases as run_databases
from tests.drift.gallery import gallery


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    """The servers, shared; a test that plants something removes it again."""
    with run_databases(tmp_path_factory.mktemp("drift")) as running:
        yield running


@pytest.fixture
async def exhibition(databases: Databases) -> AsyncIterator[str]:
    """The URL of a database that holds exactly what the gallery declares."""

    def create(connection: object) -> None:
        gallery().create_all(connection)  # type: ignore[arg-type]
        connection.commit()  # type: ignore[attr-defined]

    async with scratch_database(databases.operator_url) as url:
        await connected(url, create)
        yield url
