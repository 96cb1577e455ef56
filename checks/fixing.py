"""Apply safe fixes: all edits of a file at once, from its end to its beginning, and only if the result still parses."""

from __future__ import annotations

import ast
import contextlib
import os
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from checks.model import Edit, Finding


def apply(root: Path, findings: Iterable[Finding]) -> list[Finding]:
    """Apply the safe fixes and return the findings they mend. A fix that overlaps another waits for the next run."""
    mended: list[Finding] = []
    edits: defaultdict[str, list[Edit]] = defaultdict(list)
    for finding in findings:
        if finding.fix and finding.fix.safe and not any(clashes(edit, edits[edit.path]) for edit in finding.fix.edits):
            for edit in finding.fix.edits:
                edits[edit.path].append(edit)
            mended.append(finding)
    broken = {path for path, wanted in edits.items() if not rewrite(root, path, wanted)}
    return [one for one in mended if one.fix and not broken & {edit.path for edit in one.fix.edits}]


def clashes(edit: Edit, others: Iterable[Edit]) -> bool:
    """Whether an edit touches the bytes of another."""
    return any((edit.start < other.end and other.start < edit.end) or edit.start == other.start for other in others)


def rewrite(root: Path, path: str, edits: Iterable[Edit]) -> bool:
    """Write one file anew, whole or not at all; false if the result would not parse."""
    place = root / path
    if not place.resolve().is_relative_to(root.resolve()):
        return False
    data = place.read_bytes() if place.exists() else b""
    for edit in sorted(edits, key=lambda one: one.start, reverse=True):
        data = data[: edit.start] + edit.text.encode() + data[edit.end :]
    if place.suffix == ".py":
        try:
            ast.parse(data)
        except (SyntaxError, ValueError):
            return False
    place.parent.mkdir(parents=True, exist_ok=True)
    mode = place.stat().st_mode & 0o777 if place.exists() else 0o644
    descriptor, name = tempfile.mkstemp(dir=place.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        Path(name).chmod(mode)
        Path(name).replace(place)
    finally:
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()
    return True
