"""Changes to files: shown as diffs, and made all or none."""

from __future__ import annotations

import difflib
import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from autional_cli.errors import AutionalError, ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Change:
    """A file as it is to be; `before` is what it held when the change was made up, None for a new file."""

    path: str
    after: str
    before: str | None = None

    @property
    def action(self) -> str:
        return "create" if self.before is None else "edit"

    def diff(self) -> str:
        """Return the change as a unified diff."""
        old = "/dev/null" if self.before is None else f"a/{self.path}"
        lines = difflib.unified_diff(
            (self.before or "").splitlines(keepends=True), self.after.splitlines(keepends=True), old, f"b/{self.path}"
        )
        return "".join(lines)


def write(root: Path, changes: Iterable[Change]) -> None:
    """Make all changes in the workspace `root`. If one fails, the ones before it are undone, folders included.

    Raises AutionalError (exit 3) for what cannot be written, or was changed by somebody else meanwhile.
    """
    done: list[Change] = []
    folders: list[Path] = []
    try:
        for change in changes:
            path = root / change.path
            make_folders(path.parent, folders)
            refuse_changed(path, change)
            replace(path, change.after)
            done.append(change)
    except OSError as failure:
        undo(root, done, folders)
        raise AutionalError(
            f"{failure.filename or root}: cannot be written: {failure.strerror}; nothing was changed",
            hint="make the workspace writable, then run the command again",
            exit_code=ExitCode.CONFIGURATION,
        ) from failure
    except BaseException:  # an interrupt as well: half a service helps nobody
        undo(root, done, folders)
        raise


def refuse_changed(path: Path, change: Change) -> None:
    """Raise when a file is no longer what the change was made up for."""
    present = path.read_bytes() if path.exists() else None
    if present != (None if change.before is None else change.before.encode()):
        raise AutionalError(
            f"{change.path} was changed while the service was being written; nothing was changed",
            hint="run the command again",
            exit_code=ExitCode.CONFIGURATION,
        )


def make_folders(folder: Path, made: list[Path]) -> None:
    """Create a folder with its parents; add those that were not there to `made`, the innermost last."""
    for each in (*reversed(folder.parents), folder):
        if not each.exists():
            each.mkdir()
            made.append(each)


def read(path: Path, root: Path) -> str:
    """Return a file of the workspace, its line ends as they are. Raises AutionalError (exit 3) if it cannot be read."""
    try:
        return path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as failure:
        raise AutionalError(
            f"{path.relative_to(root)}: cannot be read: {failure}",
            hint="git status; the workspace may be incomplete",
            exit_code=ExitCode.CONFIGURATION,
        ) from failure


def replace(path: Path, text: str) -> None:
    """Put `text` in place of the file in one step; a file that was there keeps its mode."""
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~umask()
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def umask() -> int:
    """Return the process's umask, which can only be read by setting it."""
    current = os.umask(0o022)
    os.umask(current)
    return current


def undo(root: Path, done: list[Change], folders: list[Path]) -> None:
    """Put back what the changes found, and remove the folders they made."""
    for change in reversed(done):
        path = root / change.path
        with suppress(OSError):  # the rest is still worth undoing
            if change.before is None:
                path.unlink()
            else:
                replace(path, change.before)
    for folder in reversed(folders):
        with suppress(OSError):
            folder.rmdir()
