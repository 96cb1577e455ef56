"""Data directories: recognised before they are touched, and created whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from autional_cli.errors import AutionalError, ExitCode
from autional_cli.instance import write_private

if TYPE_CHECKING:
    from collections.abc import Iterator

MARKER = "autional.json"
MIN_FREE_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class DataDir:
    """The data of one resource. `format` names what its server must be able to read, such as `postgresql-18`.

    A marker file inside says who made it; without the marker it is somebody else's, and nothing in it is changed.
    """

    path: Path
    format: str

    @property
    def exists(self) -> bool:
        """Whether it was made by us, completely."""
        return (self.path / MARKER).is_file()

    def inspect(self) -> None:
        """Refuse foreign data, data of another format and a full disk; AutionalError (exit 4). Writes nothing."""
        if self.path.is_symlink() or (self.path.exists() and not self.path.is_dir()):
            raise self.unusable("is not a directory")
        if self.exists:
            found = self.made_with()
            if found != self.format:
                raise self.unusable(f"was made for {found}, and this release runs {self.format}")
        elif self.path.is_dir() and any(self.path.iterdir()):
            raise self.unusable("holds files that Autional did not put there")
        refuse_full_disk(self.path)

    def made_with(self) -> str:
        """Return the format in the marker; AutionalError when the marker is not readable."""
        try:
            return str(json.loads((self.path / MARKER).read_bytes())["format"])
        except (OSError, ValueError, KeyError, TypeError) as failure:
            raise self.unusable(f"is damaged: {MARKER} in it cannot be read") from failure

    def unusable(self, why: str) -> AutionalError:
        """Return the error for a directory that must not be touched."""
        return AutionalError(
            f"{self.path} {why}; nothing in it was changed",
            hint=f"move it away (mv {self.path} {self.path}.old), or: autional up --instance NAME",
            exit_code=ExitCode.BACKEND_UNAVAILABLE,
        )

    @contextlib.contextmanager
    def staged(self) -> Iterator[Path]:
        """Yield an empty directory that becomes the data directory when the block succeeds, and vanishes when not."""
        with explained(self.path):
            stage = stage_for(self.path)
            try:
                yield stage
                write_private(stage / MARKER, json.dumps({"format": self.format}) + "\n")
                stage.rename(self.path)
            except BaseException:
                shutil.rmtree(stage, ignore_errors=True)
                raise

    def remove(self) -> None:
        """Delete the data, unless it is foreign."""
        sweep(self.path)
        if self.exists:
            with explained(self.path):
                shutil.rmtree(self.path)


def start_over(path: Path) -> str:
    """Return the command that keeps damaged data beside and lets a resource begin with new data."""
    return f"keep what is damaged and begin anew: mv {path} {path}.damaged && autional up"


def stage_for(path: Path) -> Path:
    """Return a new, empty directory beside `path`, in which to make what will be renamed to it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    sweep(path)
    return Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".new", dir=path.parent))


def sweep(path: Path) -> None:
    """Remove what an interrupted creation left beside `path`; only the holder of the instance's lock comes here."""
    for leftover in path.parent.glob(f".{path.name}.*.new"):
        shutil.rmtree(leftover, ignore_errors=True)


def refuse_full_disk(path: Path) -> None:
    """Raise AutionalError when the disk that holds (or would hold) `path` has less than 256 MB left."""
    existing = next(folder for folder in (path, *path.parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    if free < MIN_FREE_BYTES:
        raise AutionalError(
            f"only {free >> 20} MB are free on the disk of {path}; {MIN_FREE_BYTES >> 20} MB are needed to start",
            hint=f"free some space, then start again: df -h {existing}",
            exit_code=ExitCode.BACKEND_UNAVAILABLE,
        )


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn an operating system's error while working on `path` into an AutionalError (exit 4)."""
    try:
        yield
    except OSError as failure:
        if failure.errno in (errno.ENOSPC, errno.EDQUOT):
            raise disk_full(path) from failure
        raise AutionalError(
            f"{path}: {failure.strerror or failure}",
            hint=f"look at its owner and mode: ls -ld {path.parent} {path}",
            exit_code=ExitCode.BACKEND_UNAVAILABLE,
        ) from failure


def disk_full(path: Path) -> AutionalError:
    """Return the error for a disk that filled up while working on `path`."""
    return AutionalError(
        f"no space is left on the disk of {path}; what was begun there has been removed",
        hint=f"free some space, then start again: df -h {path.parent}",
        exit_code=ExitCode.BACKEND_UNAVAILABLE,
    )


def write_if_changed(path: Path, text: str) -> bool:
    """Replace a private file by `text` unless it holds it already; return whether it was written."""
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return False
    write_private(path, text)
    return True
