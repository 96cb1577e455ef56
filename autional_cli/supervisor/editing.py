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
    from autional_cli.supervisor.units import Runner
    from autional_cli.supervisor.upkeep import Upkeep

WATCHING = "watching for edits"
PRELOADED = frozenset({"chassis", "contracts"})  # folders whose code the zygote holds
REPLACED = frozenset({State.PENDING, State.STARTING, State.READY, State.UNHEALTHY, State.FAILED})


class Editing:
    """Watches the folders of the running units. Code that does not compile replaces nothing: the old code serves on."""

    def __init__(self, platform: Platform, journal: Journal, upkeep: Upkeep) -> None:
        self._platform = platform
        self._journal = journal
        self._upkeep = upkeep
        self._sources = watch.Sources()
        self._pending: set[Path] = set()
        self._watcher: asyncio.Task[None] | None = None
        self._replacing: set[asyncio.Task[None]] = set()

    def follow(self) -> None:
        """Watch the folders of all present units."""
        folders = frozenset(folder for d in self._platform.definitions() for folder in d.watched)
        if folders != self._sources.folders:
            self._sources.follow(folders)
            if self._watcher:
                self._upkeep.end(self._watcher)
            self._watcher = self._upkeep.keep(WATCHING, self._watch) if folders else None

    async def _watch(self) -> None:
        async for paths in watch.edits(self._sources):
            self._pending |= self._edited(paths)
            if not self._pending:
                continue
            if problem := await asyncio.to_thread(watch.syntax_error, self._pending):
                self._journal.write("edit does not compile; the previous code serves on", level="error", at=problem)
                self._tell(self._pending, f"not replaced: {problem}")
                continue
            edited = frozenset(self._pending)
            self._pending.clear()
            watch.forget_bytecode(edited)
            task = self._upkeep.once("replacing what was edited", self._replace(edited))
            self._replacing.add(task)
            task.add_done_callback(self._replacing.discard)

    def _edited(self, paths: frozenset[Path]) -> frozenset[Path]:
        """Return the files among `paths`; of folders that are away, tell."""
        for folder in paths & self._sources.folders:
            is_away = not folder.is_dir()
            self._journal.write("code is away" if is_away else "code is back", folder=str(folder))
            self._tell([folder], f"not replaced: {folder} is not there" if is_away else "serving")
        return paths - self._sources.folders

    def _affected(self, paths: Iterable[Path]) -> list[str]:
        return [d.name for d in self._platform.definitions() if any(_inside(path, d.watched) for path in paths)]

    def _tell(self, paths: Iterable[Path], status: str) -> None:
        for name in self._affected(paths):
            self._platform.board.detail(name, status=status)

    async def _replace(self, paths: frozenset[Path]) -> None:
        runners = [self._platform.runners[name] for name in self._affected(paths)]
        live = [runner for runner in runners if runner.state in REPLACED and not self._lacks_code(runner)]
        if live:
            names = [runner.name for runner in live]
            self._journal.write("edited", files=[str(path) for path in sorted(paths)], units=names)
            if any(folder.name in PRELOADED for path in paths for folder in path.parents):
                self._platform.renew()
            outcomes = await asyncio.gather(*(runner.restart() for runner in live), return_exceptions=True)
            for name, outcome in zip(names, outcomes, strict=True):
                if isinstance(outcome, BaseException):
                    self._journal.write(f"{name} was not replaced: {outcome}", level="error")

    def _lacks_code(self, runner: Runner) -> bool:
        """Whether a folder of its code is away, as it is in the middle of a checkout; it comes back as an edit."""
        away = next((folder for folder in runner.definition.watched if self._sources.is_away(folder)), None)
        if away:
            self._platform.board.detail(runner.name, status=f"not replaced: {away} is not there")
        return away is not None

    async def close(self) -> None:
        """Stop watching; what is being replaced at the moment is finished first."""
        if self._watcher:
            self._upkeep.end(self._watcher)
            await asyncio.wait({self._watcher}, timeout=5)
        if self._replacing:
            with suppress(AutionalError):
                await asyncio.wait(set(self._replacing), timeout=60)


def _inside(path: Path, folders: tuple[Path, ...]) -> bool:
    return any(path.is_relative_to(folder) for folder in folders)
