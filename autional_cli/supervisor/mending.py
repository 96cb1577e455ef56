"""What is deleted or damaged in the folder of a running instance comes back, for as long as its supervisor knows it."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from autional_cli import secrets
from autional_cli.instance import write_private

if TYPE_CHECKING:
    from pathlib import Path

    from autional_cli.instance import Instance
    from autional_cli.supervisor.control import Control
    from autional_cli.supervisor.guard import Guard
    from autional_cli.supervisor.journal import Journal
    from autional_cli.supervisor.platform import Platform

LOOK_S = 0.5


class Mending:
    """Looks twice a second for folders, sockets, locks, keys and notes that are gone, and makes them again."""

    def __init__(self, *, instance: Instance, platform: Platform, guard: Guard, journal: Journal) -> None:
        self._instance = instance
        self._platform = platform
        self._guard = guard
        self._journal = journal
        self._known: dict[Path, str] = {}
        self._missing: set[Path] = set()

    async def keep(self, control: Control) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            if not self._platform.presence.holds() or not self._has_folders():
                continue  # perhaps it stops: nothing is made where its folder was
            if await control.restore():
                self._journal.write("the control socket was gone and is back", level="warning")
            for runner in tuple(self._platform.runners.values()):
                runner.restore()
            await self._guard.restore()
            self._restore_files()

    def _has_folders(self) -> bool:
        """Make folders that were missing at the last look as well: whoever removes all of them is not disturbed."""
        instance = self._instance
        folders = (instance.logs_dir, instance.keys_dir, instance.run_dir)
        missing = {folder for folder in folders if not folder.is_dir()}
        for folder in missing & self._missing:
            if folder.exists():
                folder.rename(folder.with_name(f"{folder.name}.set-aside"))
            folder.mkdir(mode=0o700)
            self._journal.write(f"{folder} was gone and is back", level="warning")
        self._missing = missing
        return all(folder.is_dir() for folder in folders)

    def _restore_files(self) -> None:
        for path in self._files():
            text = read(path)
            if text is not None:
                self._known[path] = text
        for path, text in self._known.items():
            if read(path) is None:
                write_private(path, text)
                self._journal.write(f"{path.name} was gone or damaged and is back", level="warning")

    def _files(self) -> list[Path]:
        instance = self._instance
        keys = sorted(instance.keys_dir.glob("*.pem"))
        return [instance.secrets_file, instance.state_file, secrets.trust_file(instance), *keys]


def read(path: Path) -> str | None:
    """Return what a file of notes or keys says; None when it is gone, empty, or cannot be understood."""
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".json":
            return text if isinstance(json.loads(text), dict) else None
    except (OSError, ValueError):
        return None
    return text if "PRIVATE KEY" in text else None
