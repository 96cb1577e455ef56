"""Fixtures: a repository of somebody else, with the full workspace or with a small one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pytest_plugin.scratch import Scratch, small_workspace


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[Scratch]:
    """A repository that uses a small workspace; nothing may be left of its platforms after the test."""
    workspace = small_workspace(tmp_path / "workspace")
    folder = tmp_path / "theirs"
    folder.mkdir()
    (folder / "pytest.ini").write_text(f"[pytest]\nautional_workspace = {workspace}\n", encoding="utf-8")
    made = Scratch(folder=folder, workspace=workspace)
    yield made
    made.wait_clear()
