"""The logs of an instance: there when somebody removed them, and never more than so many bytes on the disk.

A raw log (`.out`) is open in a process that does not know of it, so it is cut by copying and truncating: what is
written in between is lost. A second name in `.raw` keeps its file when somebody removes the first. Structured logs are
renamed: who writes them looks at the path with every line. AUTIONAL_LOGS_MAX_BYTES bounds all of them together.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING

from autional_cli.errors import AutionalError, ExitCode

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from autional_cli.instance import Instance

VARIABLE = "AUTIONAL_LOGS_MAX_BYTES"
MOST, LEAST = 512 << 20, 1 << 20  # bytes of all logs by default, and the least that can be asked for
RAW_MOST, STRUCTURED_MOST = 16 << 20, 40 << 20  # of one file; services rotate theirs at 32 MB themselves
LOOK_S = 2.0
FOLDER = ".raw"


def limit(environment: Mapping[str, str]) -> int:
    """Return how many bytes all logs may have. AutionalError (exit 3) for what is no number, or too small."""
    told = environment.get(VARIABLE, "") or str(MOST)
    if not (told.isascii() and told.isdigit()) or int(told) < LEAST:
        raise AutionalError(
            f"{VARIABLE}={told!r} is not a number of bytes from {LEAST} on",
            hint=f"unset it, which means {MOST}",
            exit_code=ExitCode.CONFIGURATION,
        )
    return int(told)


class Logs:
    """Keeps the folder of logs in order until `close`."""

    def __init__(self, instance: Instance, most: int) -> None:
        self._folder = instance.logs_dir
        self._second = instance.home / FOLDER
        self._most = most
        self._raw_most = min(RAW_MOST, most // 16)
        self._structured_most = min(STRUCTURED_MOST, most // 8)
        self._began = False
        shutil.rmtree(self._second, ignore_errors=True)

    async def keep(self) -> None:
        """Look every other second until cancelled."""
        while True:
            await asyncio.to_thread(self.look)
            await asyncio.sleep(LOOK_S)

    def look(self) -> None:
        """Bring back what was removed, and cut what is too large."""
        if not self._folder.is_dir():
            return  # it comes back (`mending.py`), unless all of the instance goes
        if not self._second.is_dir() and not self._began:
            self._began = True
            self._second.mkdir(mode=0o700, exist_ok=True)
        self._bring_back()
        for path in self._folder.glob("*.out"):
            if size(path) > self._raw_most:
                cut(path)
        for path in self._folder.glob("*.jsonl"):
            if size(path) > self._structured_most:
                path.replace(backup(path))
        self._make_room()

    def _bring_back(self) -> None:
        for path in self._folder.glob("*.out"):
            second = self._second / path.name
            with suppress(OSError):  # a folder of logs on a disk of its own, where files have one name
                if not second.exists() or not second.samefile(path):
                    second.unlink(missing_ok=True)
                    os.link(path, second)
        for second in self._second.glob("*.out"):
            path = self._folder / second.name
            if not path.exists():
                with suppress(OSError):
                    if second.stat().st_nlink == 1:  # it was removed, not renamed
                        os.truncate(second, 0)
                    os.link(second, path)

    def _make_room(self) -> None:
        """Remove backups, the oldest first, then empty the largest logs, until all is within the bound."""
        files = [path for path in self._folder.iterdir() if path.is_file()]
        total = sum(map(size, files))
        backups = sorted((path for path in files if path.suffix == ".1"), key=written)
        for path in backups:
            if total <= self._most:
                return
            total -= size(path)
            path.unlink(missing_ok=True)
        for path in sorted(set(files) - set(backups), key=size, reverse=True):
            if total <= self._most:
                return
            total -= size(path)
            os.truncate(path, 0)

    def close(self) -> None:
        """Let the second names go."""
        shutil.rmtree(self._second, ignore_errors=True)


def cut(path: Path) -> None:
    """Move what a raw log holds to its backup; without room for that, it is given up."""
    try:
        shutil.copyfile(path, backup(path))
        backup(path).chmod(0o600)
    except OSError:
        backup(path).unlink(missing_ok=True)
    with suppress(OSError):
        os.truncate(path, 0)


def backup(path: Path) -> Path:
    """Return where the lines before the present ones are."""
    return path.with_name(f"{path.name}.1")


def size(path: Path) -> int:
    """Return the bytes of a file, 0 for one that is gone."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def written(path: Path) -> float:
    """Return when a file was written last, 0 for one that is gone."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
