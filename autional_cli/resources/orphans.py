"""After a crash of PostgreSQL its backends may live on for a moment, and its pid file for ever."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from autional_cli.errors import AutionalError, ExitCode

if TYPE_CHECKING:
    from pathlib import Path

LEAVE_S = 5.0
PAUSE_S = 0.025


async def release(data_dir: Path) -> None:
    """Wait until no server process works in `data_dir`, then remove a pid file that a crash left.

    PostgreSQL would refuse to start while the number in that file belongs to any process, whichever it is by now.
    Raises AutionalError (exit 4) naming a server that does not leave.
    """
    pid_file = data_dir / "postmaster.pid"
    if not pid_file.exists():
        return
    try:
        async with asyncio.timeout(LEAVE_S):
            while working_in(data_dir):  # noqa: ASYNC110 - nothing reports the end of another's children
                await asyncio.sleep(PAUSE_S)
    except TimeoutError:
        pids = ", ".join(map(str, working_in(data_dir)))
        raise AutionalError(
            f"another PostgreSQL (pid {pids}) is running on {data_dir}",
            hint=f"stop it: kill -INT {pids.split(',')[0]}",
            exit_code=ExitCode.BACKEND_UNAVAILABLE,
        ) from None
    pid_file.unlink(missing_ok=True)


def working_in(data_dir: Path) -> list[int]:
    """Return the pids of PostgreSQL processes whose working directory is `data_dir`, where each of them goes."""
    import psutil

    found: list[int] = []
    place = str(data_dir.resolve())
    for process in psutil.process_iter():
        try:
            if process.name().startswith("postgres") and process.cwd() == place:
                found.append(process.pid)
        except psutil.Error:
            continue  # it ended meanwhile, or belongs to somebody else
    return sorted(found)
