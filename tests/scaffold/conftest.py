"""Fixtures: workspaces to write into."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scaffold.workspaces import small_workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """What `autional new` reads and edits, of this test's own."""
    return small_workspace(tmp_path)
