"""Edits of source files, as sets of changed paths."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

DEBOUNCE_MS = 50  # after the last of a burst: editors write, rename and touch
STEP_MS = 40


async def edits(folders: Iterable[Path]) -> AsyncIterator[frozenset[Path]]:
    """Yield the Python files that changed under `folders`, burst by burst; ends when cancelled."""
    import watchfiles  # with anyio behind it, too slow to import before the platform is up

    def is_source(_: watchfiles.Change, path: str) -> bool:
        return path.endswith(".py")

    present = [folder for folder in folders if folder.is_dir()]
    if not present:
        return
    async for changes in watchfiles.awatch(
        *present, watch_filter=is_source, debounce=DEBOUNCE_MS, step=STEP_MS, rust_timeout=0, recursive=True
    ):
        yield frozenset(Path(path) for _, path in changes)


def syntax_error(paths: Iterable[Path]) -> str:
    """Return `file:line: message` for the first of `paths` that Python cannot compile, or nothing."""
    for path in sorted(paths):
        try:
            compile(path.read_bytes(), str(path), "exec", dont_inherit=True)
        except FileNotFoundError:
            continue
        except (SyntaxError, ValueError) as failure:
            line = getattr(failure, "lineno", None) or 1
            return f"{path}:{line}: {getattr(failure, 'msg', None) or failure}"
    return ""


def forget_bytecode(paths: Iterable[Path]) -> None:
    """Remove cached bytecode of `paths`: its stamp has whole seconds, too coarse for two edits within one."""
    for path in paths:
        Path(importlib.util.cache_from_source(str(path))).unlink(missing_ok=True)
