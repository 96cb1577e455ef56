"""Copies of this workspace to write services into, and what writes them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from autional_cli.scaffold.change import Change, write
from autional_cli.scaffold.design import Wish, settle
from autional_cli.scaffold.files import changes

ROOT = Path(__file__).parents[2]
TOOL_S = 120


def copy_workspace(target: Path) -> Path:
    """Copy what git knows, or would, of this workspace to `target`."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True, timeout=TOOL_S,
    )  # fmt: skip
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    return target


def small_workspace(target: Path) -> Path:
    """Copy what `autional new` reads and edits, which is little."""
    for name in ("services", "stacks", "AGENTS.md", "pyproject.toml"):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=shutil.ignore_patterns("__pycache__", "chassis", "contracts"))
        else:
            shutil.copy2(source, target / name)
    return target


def plan(root: Path, name: str, **wishes: Any) -> list[Change]:
    """Return what writing a service would change."""
    return changes(root, settle(root, Wish(name=name, **wishes)))


def scaffold(root: Path, name: str, **wishes: Any) -> list[Change]:
    """Write a service and return what was changed."""
    planned = plan(root, name, **wishes)
    write(root, planned)
    return planned


def contents(root: Path) -> dict[str, bytes]:
    """Return every file below a folder by its path, and its folders."""
    found = {str(path.relative_to(root)): path for path in root.rglob("*") if "__pycache__" not in path.parts}
    return {name: path.read_bytes() if path.is_file() else b"/" for name, path in found.items()}


def tool(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a Python module such as `ruff` in a workspace, with that workspace's own packages."""
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=TOOL_S,
        check=False,
    )
