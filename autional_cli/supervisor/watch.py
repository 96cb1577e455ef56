"""Edits of source files. Notifications only say when to look; what changed is found by comparing the files themselves.

So it does not matter what an editor, a checkout or a sync does on the way, nor whether something went unnoticed.
"""

from __future__ import annotations

import importlib.util
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator

    Mark = tuple[int, int, int, int]

PRESENT = (0, 0, 0, 0)
DEBOUNCE_MS = 50  # after the last of a burst: editors write, rename and touch
STEP_MS = 40
LOOK_MS = 1000  # between two looks whether the folders are still those that are watched


class Sources:
    """The Python files below some folders, as they were when `changed` looked last."""

    def __init__(self) -> None:
        self.folders: frozenset[Path] = frozenset()
        self._known: dict[Path, Mark] = {}
        self._seen: set[Path] = set()

    def follow(self, folders: Iterable[Path]) -> None:
        """Look after these folders from now on; what is below a new one is not a change."""
        wanted = frozenset(folders)
        known = {path: mark for path, mark in self._known.items() if any(path.is_relative_to(f) for f in wanted)}
        self._known = {**dict(self._files(wanted - self.folders)), **known}
        self.folders = wanted

    def changed(self) -> frozenset[Path]:
        """Return the files that came, went or changed since the last time, and the folders that went or came back.

        What is below a folder that is away is as it was: in the middle of a checkout nothing is deleted for good.
        """
        now = dict(self._files(self.folders))
        before, self._known = self._known, now
        return frozenset(path for path in before.keys() | now.keys() if before.get(path) != now.get(path))

    def is_away(self, folder: Path) -> bool:
        """Whether a folder that was there is not."""
        return folder in self._seen and not folder.is_dir()

    def roots(self) -> tuple[Path, ...]:
        """Return what is to be watched: the folders' parents, so that a folder may go and come, and what links lead to.

        FileNotFoundError for a parent that is not there.
        """
        parents = {folder.parent for folder in self.folders}
        for parent in parents:
            parent.stat()
        return (*sorted(parents), *sorted(folder.resolve() for folder in self.folders if folder.is_symlink()))

    def _files(self, folders: Iterable[Path]) -> Iterator[tuple[Path, Mark]]:
        folders = frozenset(folders)
        pending = list(folders)
        while pending:
            folder = pending.pop()
            try:
                with os.scandir(folder) as entries:
                    listed = list(entries)
            except OSError as failure:
                is_away = isinstance(failure, FileNotFoundError | NotADirectoryError)
                if not is_away or folder in folders:  # what cannot be read now is as it was
                    inside = ((path, mark) for path, mark in self._known.items() if path.is_relative_to(folder))
                    yield from ((path, mark) for path, mark in inside if path != folder)
                continue
            if folder in folders:
                self._seen.add(folder)
                yield folder, PRESENT
            for entry in listed:
                path = Path(entry.path)
                with suppress(OSError):  # it went in this moment
                    if entry.is_dir(follow_symlinks=False):
                        if entry.name != "__pycache__" and not entry.name.startswith("."):
                            pending.append(path)
                    elif is_source(entry.name):
                        found = entry.stat()
                        if stat.S_ISREG(found.st_mode):
                            yield path, (found.st_mtime_ns, found.st_size, found.st_ino, found.st_mode)


def is_source(name: str) -> bool:
    """Whether Python can import a file of this name; what editors leave beside it is not."""
    stem, dot, suffix = name.rpartition(".")
    return (dot, suffix) == (".", "py") and stem.isidentifier() and not stem.startswith("flycheck_")


async def edits(sources: Sources) -> AsyncIterator[frozenset[Path]]:
    """Yield the files that changed, burst by burst, until cancelled. OSError when they cannot be watched."""
    import asyncio

    import watchfiles  # with anyio behind it, too slow to import before the platform is up

    def is_of_interest(_: watchfiles.Change, path: str) -> bool:
        return "__pycache__" not in path

    while True:
        roots = sources.roots()
        before = identities(roots)
        look_again = True  # what happened before the watch began, and in a folder that is watched since a moment ago
        async for changes in watchfiles.awatch(
            *roots, watch_filter=is_of_interest, debounce=DEBOUNCE_MS, step=STEP_MS, rust_timeout=LOOK_MS,
            yield_on_timeout=True, recursive=True, ignore_permission_denied=True,
        ):  # fmt: skip
            if (changes or look_again) and (paths := await asyncio.to_thread(sources.changed)):
                yield paths
            look_again = bool(changes)
            if identities(roots) != before:
                break


def identities(roots: Iterable[Path]) -> list[tuple[int, int]]:
    """Return which folders these are. FileNotFoundError for one that is gone."""
    return [(found.st_dev, found.st_ino) for found in (root.stat() for root in roots)]


def syntax_error(paths: Iterable[Path]) -> str:
    """Return `file:line: message` for the first of `paths` that Python cannot read or compile, or nothing."""
    for path in sorted(paths):
        try:
            compile(path.read_bytes(), str(path), "exec", dont_inherit=True)
        except FileNotFoundError:
            continue
        except OSError as failure:
            return f"{path}:1: cannot be read: {failure.strerror}"
        except (SyntaxError, ValueError, RecursionError, MemoryError) as failure:
            line = getattr(failure, "lineno", None) or 1
            return f"{path}:{line}: {getattr(failure, 'msg', None) or failure}"
    return ""


def forget_bytecode(paths: Iterable[Path]) -> None:
    """Remove cached bytecode of `paths`: its stamp has whole seconds, too coarse for two edits within one."""
    for path in paths:
        with suppress(OSError):
            Path(importlib.util.cache_from_source(str(path))).unlink(missing_ok=True)
