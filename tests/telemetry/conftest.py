"""Workspaces and telemetry processes for these tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .process import Telemetry, Workspace, run_telemetry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


@pytest.fixture
def telemetry(workspace: Workspace) -> Iterator[Telemetry]:
    with run_telemetry(workspace) as running:
        yield running


@pytest.fixture(scope="module")
def shared_telemetry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Telemetry]:
    """One process for all tests of a module that do not mind each other's traces."""
    with run_telemetry(Workspace(tmp_path_factory.mktemp("shared"))) as running:
        yield running
