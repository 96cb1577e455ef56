"""A small workspace in Git that is right by every static rule that speaks of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from checks.base import VARIABLES
from tests.checks.workspace import git

Write = Callable[..., Path]


@pytest.fixture(autouse=True)
def without_base(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget the branch that this very run is for, if it is one of CI."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An empty workspace with one commit."""
    root = tmp_path / "workspace"
    (root / "services").mkdir(parents=True)
    (root / "stacks").mkdir()
    git(root, "init", "-q", "-b", "main")
    (root / "services/__init__.py").write_text("")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "base")
    return root


@pytest.fixture
def write(root: Path) -> Write:
    """Write a file of the workspace: `write("services/a/x.py", "A = 1\\n")`."""

    def put(path: str, text: str | bytes) -> Path:
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text if isinstance(text, bytes) else text.encode())
        return target

    return put
