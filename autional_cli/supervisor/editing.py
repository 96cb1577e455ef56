"""Edits of a service's code replace that service's process, and edits of the chassis all of them."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from autional_cli.errors import AutionalError
from autional_cli.supervisor import watch
from autional_cli.supervisor.state import State

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from autional_cli.supervisor.journal import Journal
    from autional_cli.supervisor.platform import Platform

PRELOADED = frozenset({"chassis", "contracts"})  # folders whose code the zygote holds
REPLACED = frozenset({State.PENDING, State.STARTING, State.READY, State.FAILED})


class Editing:
    """Watches the folders of the running units. Code that does not compile replaces nothing: the old code serves on."""

    def __init__(self, platform: Platform, journal: Journal) -> None:
        self._platform = platform
        self._journal = journal
        self._folders: frozenset[Path] = frozenset()
        self._watcher: asyncio.Task[None] | None = None
        self._replacing: set[asyncio.Task[None]] = set()

    def follow(self) -> None:
        """Watch the folders of all present units."""
        folders = frozenset(folder for d in self._platform.definitions() for folder in d.watched)
        if folders != self._folders:
            self._folders = folders
            if self._watcher:
                self._watcher.cancel()
            self._watcher = asyncio.create_task(self._watch(folders), name="watch")

    async def _watch(self, folders: Iterable[Path]) -> None:
        pending: set[Path] = set()
        async for paths in watch.edits(folders):
            pending |= paths
            if problem := await asyncio.to_thread(watch.syntax_error, pending):
                self._journal.write("edit does not compile; the previous code serves on", level="error", at=problem)
                self._tell(pending, f"not replaced: {problem}")
                continue
            watch.forget_bytecode(pending)
            task = asyncio.create_task(self._replace(frozenset(pending)), name="edit")
            self._replacing.add(task)
            task.add_done_callback(self._replacing.discard)
            pending.clear()

    def _affected(self, paths: Iterable[Path]) -> list[str]:
        return [d.name for d in self._platform.definitions() if any(_inside(path, d.watched) for path in paths)]

    def _tell(self, paths: Iterable[Path], status: str) -> None:
        for name in self._affected(paths):
            self._platform.board.detail(name, status=status)

    async def _replace(self, paths: frozenset[Path]) -> None:
        runners = [self._platform.runners[name] for name in self._affected(paths)]
        live = [runner for runner in runners if runner.state in REPLACED]
        if live:
            names = [runner.name for runner in live]
            self._journal.write("edited", files=[str(path) for path in sorted(paths)], units=names)
            if any(folder.name in PRELOADED for path in paths for folder in path.parents):
                self._platform.renew()
            outcomes = await asyncio.gather(*(runner.restart() for runner in live), return_exceptions=True)
            for name, outcome in zip(names, outcomes, strict=True):
                if isinstance(outcome, BaseException):
                    self._journal.write(f"{name} was not replaced: {outcome}", level="error")

    async def close(self) -> None:
        """Stop watching; what is being replaced at the moment is finished first."""
        if self._watcher:
            self._watcher.cancel()
            await asyncio.wait({self._watcher}, timeout=5)
        if self._replacing:
            with suppress(AutionalError):
                await asyncio.wait(set(self._replacing), timeout=60)


def _inside(path: Path, folders: tuple[Path, ...]) -> bool:
    return any(path.is_relative_to(folder) for folder in folders)
