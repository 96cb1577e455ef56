"""The files of a workspace: which there are, their bytes read once, and what could not be read."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from unicodedata import category

from checks.model import IncompleteError
from checks.repository import git

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
BINARY = frozenset(
    {".png", ".jpg", ".jpeg", ".gif", ".ico", ".webp", ".svgz", ".pdf", ".zip", ".gz", ".bz2", ".xz", ".zst", ".tar"}
    | {".tgz", ".whl", ".jar", ".so", ".a", ".o", ".pyc", ".pyd", ".dll", ".exe", ".woff", ".woff2", ".ttf", ".otf"}
    | {".mp3", ".mp4", ".webm", ".db", ".sqlite", ".sqlite3", ".parquet", ".npy", ".pb", ".bin"}
)
CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
NAMES = frozenset({"Makefile", "Dockerfile", "run"})
LARGEST = 2_000_000  # bytes of a file that is examined; a larger one is a finding of CHK01
LEFT_OUT = frozenset(
    {".git", ".venv", "venv", "node_modules", "__pycache__", ".autional", ".mypy_cache", ".ruff_cache"}
)
KINDS = {stat.S_IFIFO: "pipe", stat.S_IFSOCK: "socket", stat.S_IFBLK: "device", stat.S_IFCHR: "device"}
IMPORTED = ("services/", "migrations/")  # what runs under this name, wherever it lies
STEERING = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One file as the directory shows it. `problem` says why it cannot be examined."""

    path: str
    mtime_ns: int = 0
    ctime_ns: int = 0
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

    @property
    def is_binary(self) -> bool:
        """Whether this is no text: of a kind that we do not know, with NUL, or other bytes that no text has."""
        if self.suffix in SUFFIXES or self.path.rpartition("/")[2] in NAMES:
            return False
        head = self.data[:8192]
        return b"\0" in head or (not is_utf8(self.data) and len(CONTROLS.findall(head)) * 20 > len(head))

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


def is_utf8(data: bytes) -> bool:
    """Whether some bytes are text as it must be."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


@cache
def service_of(path: str) -> str:
    """Return the service that a path belongs to, empty for the chassis and everything outside."""
    parts = path.split("/")
    if len(parts) > 2 and parts[0] in ("services", "migrations") and parts[1] not in ("chassis", "contracts"):
        return parts[1]
    return ""


def listing(root: Path) -> list[Entry]:
    """Return the files of a workspace that are looked at: what git tracks or would track, else all but caches.

    Git does not list what is neither file nor link, so pipes and the like are looked for besides.
    """
    paths = git_paths(root)
    if paths is None:
        found = set(walk(root))
    else:
        found = paths | not_ignored(root, {path for path in walk(root, special=True) if path not in paths})
    return [entry for path in sorted(found) if (entry := look(root, path))]


def git_paths(root: Path) -> set[str] | None:
    """Return what git knows of and does not ignore; None where git cannot say."""
    try:
        said = git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    except IncompleteError:
        return None
    return {os.fsdecode(name) for name in said.split(b"\0") if name and not name.startswith(b".autional/")}


def not_ignored(root: Path, paths: set[str]) -> set[str]:
    """Return those of some paths that git does not ignore."""
    if not paths:
        return paths
    given = b"".join(os.fsencode(path) + b"\0" for path in sorted(paths))
    try:
        said = git(root, "check-ignore", "--no-index", "-z", "--stdin", given=given)
    except IncompleteError:  # exit code 1: it ignores none of them
        return paths
    return paths - {os.fsdecode(name) for name in said.split(b"\0")}


def walk(root: Path, *, special: bool = False) -> Iterator[str]:
    """Yield all files below a directory, without following links; `special`: only what is no file, folder or link."""
    for place, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in LEFT_OUT)
        for name in names:
            if not special or (is_ours(name) and is_special(f"{place}/{name}")):
                yield os.path.relpath(os.path.join(place, name), root).replace(os.sep, "/")  # noqa: PTH118 - speed


def is_ours(name: str) -> bool:
    """Whether files of such a name are looked at: all but those that are never text."""
    return os.path.splitext(name)[1].lower() not in BINARY  # noqa: PTH122


def is_special(path: str) -> bool:
    """Whether a path is a pipe, a socket or a device."""
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISLNK(mode) or stat.S_ISDIR(mode))


def unexamined(root: Path, folders: Iterable[str], known: Container[str]) -> list[tuple[str, int, int]]:
    """Return name, time and size of Python files that tools see and we do not: excluded, or ignored by Git."""
    found = []
    for folder in folders:
        for path in walk(root / folder):
            name = f"{folder}/{path}"
            if name.endswith(".py") and name not in known:
                seen = os.lstat(root / name)
                found.append((shown(name), seen.st_mtime_ns, seen.st_size))
    return found


def look(root: Path, path: str) -> Entry | None:
    """Return the entry of one path; None for what is none of ours: other kinds of files, and most links."""
    name = path.rpartition("/")[2]
    if not is_ours(name):
        return None
    known = os.path.splitext(name)[1] in SUFFIXES or name in NAMES  # noqa: PTH122
    full = f"{root}/{path}"
    try:
        found = os.lstat(full)
        if stat.S_ISLNK(found.st_mode):
            found = os.stat(full)  # noqa: PTH116 - raises for a link in a circle or to nowhere
            if not path.startswith(IMPORTED):
                return None  # what it leads to is looked at where it is, if it is ours
            if stat.S_ISDIR(found.st_mode):
                return Entry(shown(path), problem="a link to a folder: nothing below it is looked at")
    except FileNotFoundError:
        gone = "a link to a file that is not there"
        return Entry(shown(path), problem=gone) if known and os.path.islink(full) else None  # noqa: PTH114
    except OSError as failure:
        return Entry(shown(path), problem=f"cannot be read: {failure.strerror}") if known else None
    problem = trouble(path, found)
    if stat.S_ISDIR(found.st_mode) or (problem and not known):
        return None
    return Entry(shown(path), found.st_mtime_ns, found.st_ctime_ns, found.st_size, problem)


def trouble(path: str, found: os.stat_result) -> str:
    """Return why a file cannot be examined, empty if it can be."""
    if not stat.S_ISREG(found.st_mode):
        return f"is a {KINDS.get(stat.S_IFMT(found.st_mode), 'special file')}, not a file"
    if shown(path) != path:
        return "its name holds bytes that are not UTF-8, or control characters"
    return f"{found.st_size:,} bytes; files over {LARGEST:,} are not examined" if found.st_size > LARGEST else ""


def shown(path: str) -> str:
    """Return a path as it can be printed and written: what is no UTF-8, and control characters, as escapes."""
    if path.isascii() and path.isprintable():
        return path
    return "".join(f"\\x{ord(c) - 0xDC00:02x}" if "\udc80" <= c <= "\udcff" else printable(c) for c in path)


def printable(text: str) -> str:
    """Return a text with what steers a terminal, or that UTF-8 cannot hold, as escapes."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(c.encode("unicode_escape").decode() if category(c) in STEERING else c for c in text)


def read(root: Path, path: str) -> Source:
    """Return the file with its bytes, or with the problem that kept them."""
    try:
        # Not to wait for whoever writes into what has become a pipe since it was listed.
        descriptor = os.open(Path(root, path), os.O_RDONLY | os.O_NONBLOCK)
        with open(descriptor, "rb") as file:  # noqa: PTH123 - it is open already
            return Source(path, file.read() if stat.S_ISREG(os.fstat(descriptor).st_mode) else b"")
    except OSError as failure:
        return Source(path, b"", f"cannot be read: {failure.strerror}")
    except ValueError:  # NUL in a path that a document names
        return Source(path, b"", "cannot be read: no such name")


def below(paths: Iterable[str], wanted: Iterable[str]) -> set[str]:
    """Return those of `paths` that are, or lie below, one of `wanted`."""
    chosen = [name.rstrip("/") for name in wanted]
    return {
        path
        for path in paths
        if any(path == name or name in ("", ".") or path.startswith(name + "/") for name in chosen)
    }
