"""What the checks would write for a new service, written with it: its OpenAPI document and its registered events."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from autional_cli.scaffold.change import Change

if TYPE_CHECKING:
    from collections.abc import Iterable

RULES = ("CON09", "EVT01")


def with_documents(root: Path, changes: list[Change]) -> list[Change]:
    """Return the changes and the documents of the services that they touch, made from a copy as it will be."""
    from checks import registry
    from checks.engine import Options, run
    from checks.model import Lane

    touched = {change.path.split("/")[1] for change in changes if change.path.startswith("services/")}
    with tempfile.TemporaryDirectory(prefix="autional-new-") as folder:
        after = Path(folder)
        lay_out(root, after, changes)
        options = Options(lanes=frozenset({Lane.STATIC, Lane.CONTRACT}), cache=False)
        findings = run(after, registry.pick(RULES), options).findings
        edits = [edit for one in findings if one.fix for edit in one.fix.edits]
    found = {edit.path: edit.text for edit in edits if edit.path.split("/")[1] in touched}
    return [*changes, *(Change(path, text, present(root, path)) for path, text in sorted(found.items()))]


def lay_out(root: Path, after: Path, changes: Iterable[Change]) -> None:
    """Copy the services of a workspace, with the changes made."""
    shutil.copytree(root / "services", after / "services", ignore=shutil.ignore_patterns("__pycache__"))
    for change in changes:
        if change.path.startswith("services/"):
            (after / change.path).parent.mkdir(parents=True, exist_ok=True)
            (after / change.path).write_text(change.after, encoding="utf-8")


def present(root: Path, path: str) -> str | None:
    """Return what a file holds now; None when it is not there."""
    return (root / path).read_text(encoding="utf-8") if (root / path).is_file() else None
