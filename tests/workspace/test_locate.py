"""Where the workspace is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from autional_cli.errors import AutionalError, ExitCode
from autional_cli.workspace.locate import find_root

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("AUTIONAL_WORKSPACE", raising=False)
    for name in ("stacks", "services/identity/deep"):
        (tmp_path / "clone" / name).mkdir(parents=True)
    return tmp_path / "clone"


def test_it_is_the_nearest_folder_with_stacks_and_services(workspace: Path) -> None:
    assert find_root(workspace) == workspace
    assert find_root(workspace / "services" / "identity" / "deep") == workspace


def test_the_environment_overrides_the_search(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTIONAL_WORKSPACE", str(workspace))
    assert find_root(workspace.parent) == workspace


def test_a_wrong_override_is_named(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTIONAL_WORKSPACE", str(workspace / "stacks"))
    with pytest.raises(AutionalError, match=r"AUTIONAL_WORKSPACE=.* is not a workspace") as caught:
        find_root(workspace)
    assert caught.value.exit_code is ExitCode.CONFIGURATION


def test_outside_of_any_the_error_says_what_to_do(workspace: Path) -> None:
    with pytest.raises(AutionalError, match="no workspace at or above") as caught:
        find_root(workspace.parent)
    assert caught.value.hint
