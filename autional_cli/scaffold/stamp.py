"""The digest of the architecture in AGENTS.md (rule DOC02), brought along with the row that is added there."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from autional_cli.scaffold.documents import lay_out
from autional_cli.scaffold.edits import MAP
from checks.architecture import MARK, current, restamped

if TYPE_CHECKING:
    from autional_cli.scaffold.change import Change


def stamped(root: Path, changes: list[Change]) -> list[Change]:
    """Return the changes with the digest that the workspace has after them.

    A map that is out of date already keeps its digest: the reader it waits for would otherwise never look.
    """
    position = next((number for number, change in enumerate(changes) if change.path == MAP), None)
    if position is None:
        return changes
    written = MARK.search(changes[position].after)
    if written is None or written[1] != current(root):
        return changes
    with tempfile.TemporaryDirectory(prefix="autional-new-") as folder:
        after = Path(folder)
        lay_out(root, after, changes)
        fresh = restamped(changes[position].after, current(after))
    return [*changes[:position], replace(changes[position], after=fresh), *changes[position + 1 :]]
