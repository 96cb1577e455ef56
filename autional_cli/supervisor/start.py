"""How entries are started here, and the start of the zygote: before the supervisor's own imports, so no asyncio."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autional_cli.errors import AutionalError, ExitCode
from autional_cli.supervisor.output import open_log
from autional_cli.supervisor.process import base_environment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Command:
    """How a zygote is started: in which workspace, with which log, importing which modules (none: the usual stack)."""

    root: Path
    log: Path
    modules: tuple[str, ...] = ()


def start_method(environment: Mapping[str, str]) -> str:
    """Return `fork` or `spawn`: AUTIONAL_START_METHOD, else fork where it is safe. AutionalError for anything else."""
    chosen = environment.get("AUTIONAL_START_METHOD", "") or ("fork" if sys.platform == "linux" else "spawn")
    if chosen not in ("fork", "spawn"):
        raise AutionalError(
            f"AUTIONAL_START_METHOD={chosen!r} is neither 'fork' nor 'spawn'",
            hint="unset it to let autional choose",
            exit_code=ExitCode.CONFIGURATION,
        )
    return chosen


def start_zygote(command: Command) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """Start a zygote and return it with our end of its control socket. It imports while the caller goes on."""
    ours, theirs = socket.socketpair()
    log = open_log(command.log)
    try:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", "autional_cli.supervisor.zygote", str(theirs.fileno()), *command.modules],
            cwd=command.root,
            env=base_environment(os.environ),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(theirs.fileno(),),
            start_new_session=True,
        )
    finally:
        os.close(log)
        theirs.close()
    ours.setblocking(False)
    return process, ours
