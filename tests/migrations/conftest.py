"""Fixtures: the servers of the drift tests, a workspace whose revisions a test writes, and an empty database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from autional_cli.migrations.scratch import scratch_database
from tests.drift.conftest import databases
from tests.drift.databases import Databases
from tests.migrations.workspace import Workspace

__all__ = ["databases"]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A workspace with one service, `thing`, and its first revision."""
    return Workspace.create(tmp_path)


@pytest.fixture
async def url(databases: Databases) -> AsyncIterator[str]:
    """The URL of an empty database."""
    async with scratch_database(databases.operator_url) as made:
        yield made
