"""The files of a workspace: which there are, their bytes read once, and what could not be read."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path

SUFFIXES = frozenset(
    {
        ".py",
        ".pyi",
        ".md",
        ".yaml",
        ".yml",
        ".toml",
        ".json",
        ".sql",
        ".proto",
        ".sh",
        ".txt",
        ".cfg",
        ".ini",
        ".html",
        ".css",
        ".js",
    }
)
NAMES = frozenset({"Makefile", "Dockerfile", "run"})
LARGEST = 2_000_000  # bytes of a file that is examined; a larger one is a finding of CHK01
LEFT_OUT = frozenset(
    {".git", ".venv", "venv", "node_modules", "__pycache__", ".autional", ".mypy_cache", ".ruff_cache"}
)
GIT_S = 20.0


@dataclass(frozen=True, slots=True)
class Entry:
    """One file as the directory shows it. `problem` says why it cannot be examined."""

    path: str
    mtime_ns: int = 0
    size: int = 0
    problem: str = ""

    @property
    def suffix(self) -> str:
        """Return `.py` and the like."""
        return os.path.splitext(self.path)[1]  # noqa: PTH122 - thousands of them, on the way to a warm answer


@dataclass
class Source:
    """One file with its bytes. `path` is relative to the workspace, with forward slashes."""

    path: str
    data: bytes
    problem: str = field(default="")

    @property
    def suffix(self) -> str:
        """Return `.py` and the like."""
        return os.path.splitext(self.path)[1]  # noqa: PTH122

    @cached_property
    def text(self) -> str:
        """Return the text; bytes that are not UTF-8 become U+FFFD, which DOC01 reports."""
        return self.data.decode("utf-8", "replace").removeprefix("\ufeff")

    @cached_property
    def lines(self) -> list[str]:
        """Return the lines without their ends."""
        return self.text.split("\n")

    @cached_property
    def line_starts(self) -> list[int]:
        """Return the byte offset at which each line begins, for edits."""
        starts, position = [0], self.data.find(b"\n")
        while position >= 0:
            starts.append(position + 1)
            position = self.data.find(b"\n", position + 1)
        return starts

    def offset(self, line: int, column: int) -> int:
        """Return the byte offset of a line from 1 and a column in bytes from 0, as `ast` counts."""
        return self.line_starts[line - 1] + column

    @property
    def service(self) -> str:
        """Return the service this file belongs to: its code or its migrations; empty for the rest."""
        return service_of(self.path)


@cache
def service_of(path: str) -> str:
    """Return the service that a path belongs to, empty for the chassis and everything outside."""
    parts = path.split("/")
    if len(parts) > 2 and parts[0] in ("services", "migrations") and parts[1] not in ("chassis", "contracts"):
        return parts[1]
    return ""


def listing(root: Path) -> list[Entry]:
    """Return the files of a workspace that are looked at: what git tracks or would track, else all but caches."""
    paths = git_paths(root)
    return [entry for path in sorted(paths if paths is not None else walk(root)) if (entry := look(root, path))]


def git_paths(root: Path) -> list[str] | None:
    """Return what git knows of and does not ignore; None outside a repository."""
    argv = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        done = subprocess.run(argv, capture_output=True, timeout=GIT_S, check=False)  # noqa: S603 - fixed arguments
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode:
        return None
    return sorted({os.fsdecode(name) for name in done.stdout.split(b"\0") if name})


def walk(root: Path) -> Iterator[str]:
    """Yield all files below a directory, without following links."""
    for place, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in LEFT_OUT)
        for name in names:
            yield os.path.relpath(os.path.join(place, name), root).replace(os.sep, "/")  # noqa: PTH118 - speed


def look(root: Path, path: str) -> Entry | None:
    """Return the entry of one path; None for what is none of ours: other kinds of files, and links to files."""
    name = path.rpartition("/")[2]
    if os.path.splitext(name)[1] not in SUFFIXES and name not in NAMES:  # noqa: PTH122
        return None
    full = f"{root}/{path}"
    try:
        found = os.lstat(full)
        if stat.S_ISLNK(found.st_mode):
            os.stat(full)  # noqa: PTH116 - raises for a link in a circle or to nowhere
            return None
    except FileNotFoundError:
        return None if not os.path.islink(full) else Entry(path, problem="a link to a file that is not there")  # noqa: PTH114
    except OSError as failure:
        return Entry(path, problem=f"cannot be read: {failure.strerror}")
    if not stat.S_ISREG(found.st_mode):
        return None
    problem = f"{found.st_size:,} bytes; files over {LARGEST:,} are not examined" if found.st_size > LARGEST else ""
    return Entry(path, found.st_mtime_ns, found.st_size, problem)


def read(root: Path, path: str) -> Source:
    """Return the file with its bytes, or with the problem that kept them."""
    try:
        return Source(path, Path(root, path).read_bytes())
    except OSError as failure:
        return Source(path, b"", f"cannot be read: {failure.strerror}")


def below(paths: Iterable[str], wanted: Iterable[str]) -> set[str]:
    """Return those of `paths` that are, or lie below, one of `wanted`."""
    chosen = [name.rstrip("/") for name in wanted]
    return {
        path
        for path in paths
        if any(path == name or name in ("", ".") or path.startswith(name + "/") for name in chosen)
    }
