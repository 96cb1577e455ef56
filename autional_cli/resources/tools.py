"""Programs that are run to their end, such as initdb, and the wheels that bring them."""

from __future__ import annotations

import asyncio
import importlib.util
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from autional_cli.errors import AutionalError, ExitCode
from autional_cli.resources.storage import disk_full

if TYPE_CHECKING:
    from collections.abc import Sequence

SHOWN_LINES = 6


def wheel(package: str, distribution: str) -> Path:
    """Return the folder of an installed package without importing it; AutionalError naming a missing wheel."""
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise missing(f"the wheel {distribution} is not installed")
    return Path(found.submodule_search_locations[0])


def version_of(distribution: str, parts: int) -> str:
    """Return the first `parts` numbers of an installed distribution's version; `not installed` without it."""
    try:
        return ".".join(metadata.version(distribution).split(".")[:parts])
    except metadata.PackageNotFoundError:
        return "not installed"


def missing(what: str) -> AutionalError:
    """Return the error for a part of the environment that is not there."""
    return AutionalError(
        what,
        hint="install what the lock file names (make up does it), then: autional doctor",
        exit_code=ExitCode.BACKEND_UNAVAILABLE,
    )


async def run(
    argv: Sequence[str], *, what: str, at: Path, timeout_s: float, stdin: str = "", env: dict[str, str] | None = None
) -> str:
    """Run a program to its end and return what it printed.

    `what` names the step and `at` the place in errors. Raises AutionalError (exit 4) with its last lines when it fails,
    and stops it when this task is cancelled or the time is up.
    """
    process = await asyncio.create_subprocess_exec(
        *argv,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=env,
        start_new_session=True,  # Ctrl-C in the terminal is for the command line to handle
    )
    try:
        async with asyncio.timeout(timeout_s):
            output, _ = await process.communicate(stdin.encode())
    except TimeoutError:
        raise failed(f"{what} did not finish within {timeout_s:g} s", at) from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    text = output.decode(errors="replace")
    if process.returncode:
        raise explain(text, f"{what} failed with status {process.returncode}", at)
    return text


def explain(output: str, message: str, at: Path) -> AutionalError:
    """Return the error for a program that failed, with its last lines; a full disk is called by its name."""
    if "No space left on device" in output or "Disk quota exceeded" in output:
        return disk_full(at)
    tail = "".join(f"\n  {line}" for line in output.strip().splitlines()[-SHOWN_LINES:])
    return failed(message + (f":{tail}" if tail else ""), at)


def failed(message: str, at: Path) -> AutionalError:
    """Return the error for a step that did not work."""
    return AutionalError(f"{at}: {message}", hint="autional doctor", exit_code=ExitCode.BACKEND_UNAVAILABLE)
