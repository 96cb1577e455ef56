"""Whether the folder of the instance is still the one that its supervisor started in.

A worktree may be removed, or the folder deleted, while its platform runs. Then nobody can reach it any more, and what
it would write is unwanted: it stops, and leaves nothing where the folder was.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from autional_cli.errors import AutionalError, ExitCode
from autional_cli.supervisor.volumes import LOCK

if TYPE_CHECKING:
    from pathlib import Path

LOOK_S = 0.5  # nothing tells of the end of a folder on every system


class Presence:
    """The folder `home`, as it is when this is made: itself, and the lock in it, which goes first or last with it."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._was = self._marks()

    def holds(self) -> bool:
        """Whether it is still there and the same."""
        return self._marks() == self._was

    def must_hold(self) -> None:
        """Raise AutionalError (exit 4) when it is gone, before anything is made in its place."""
        if not self.holds():
            raise AutionalError(
                f"{self._home} was removed or replaced while its platform was running; that stops now",
                hint="autional up",
                exit_code=ExitCode.BACKEND_UNAVAILABLE,
            )

    async def lost(self) -> None:
        """Return when it is gone."""
        while self.holds():  # noqa: ASYNC110 - see LOOK_S
            await asyncio.sleep(LOOK_S)

    def _marks(self) -> list[tuple[int, int] | None]:
        return [identity(self._home), identity(self._home / LOCK)]


def make_way(path: Path) -> None:
    """Make the folder of a socket, and room for it: what is at its path is a leftover, or was put there since."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.is_dir() and not path.is_symlink():
        path.rmdir()
    else:
        path.unlink(missing_ok=True)


def identity(path: Path) -> tuple[int, int] | None:
    """Return which file or folder is at a path."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
