"""Where the workspace is."""

from __future__ import annotations

import os
from pathlib import Path

from autional_cli.errors import AutionalError, ExitCode

VARIABLE = "AUTIONAL_WORKSPACE"
MARKS = ("stacks", "services")
LONGEST = 400  # bytes; SQLite opens a path of 511 at most, and traces.db lies below
SHOWN = 80  # characters of a path in an error


def find_root(start: Path | None = None) -> Path:
    """Return the nearest folder at or above `start` (the current one) with both `stacks/` and `services/`.

    The environment variable AUTIONAL_WORKSPACE overrides the search.
    """
    override = os.environ.get(VARIABLE)
    if override:
        root = Path(override).resolve()
        if is_root(root):
            return usable(root)
        raise AutionalError(
            f"{VARIABLE}={override} is not a workspace: it lacks stacks/ or services/",
            hint=f"unset {VARIABLE}, or point it at a clone of Autional",
            exit_code=ExitCode.CONFIGURATION,
        )
    here = start.resolve() if start else present()
    for folder in (here, *here.parents):
        if is_root(folder):
            return usable(folder)
    raise AutionalError(
        f"no workspace at or above {here}: no folder there has both stacks/ and services/",
        hint="change into a clone of Autional, or set AUTIONAL_WORKSPACE",
        exit_code=ExitCode.CONFIGURATION,
    )


def present() -> Path:
    """Return the folder that this process is in. AutionalError when it is there no more."""
    try:
        return Path.cwd().resolve()
    except FileNotFoundError:
        raise AutionalError(
            "the current folder has been deleted",
            hint="change into a clone of Autional, or set AUTIONAL_WORKSPACE",
            exit_code=ExitCode.CONFIGURATION,
        ) from None


def is_root(folder: Path) -> bool:
    """Whether a folder is the top of a workspace; one that may not be looked into is none."""
    try:
        return all((folder / mark).is_dir() for mark in MARKS)
    except OSError:
        return False


def usable(root: Path) -> Path:
    """Return the workspace. AutionalError (exit 3) for a path that servers, logs and JSON cannot carry."""
    text = str(root)
    problem = ""
    if any(ord(character) < 32 or ord(character) == 127 for character in text):
        problem = "has control characters in its path"
    elif any("\ud800" <= character <= "\udfff" for character in text):
        problem = "has bytes in its path that are not UTF-8"
    elif len(os.fsencode(root)) > LONGEST:
        problem = f"has a path of {len(os.fsencode(root))} bytes, and {LONGEST} are what servers below it can open"
    if problem:
        shown = ascii(text if len(text) <= SHOWN else f"{text[:SHOWN]}…")
        raise AutionalError(
            f"the workspace {shown} {problem}", hint="move it, or clone it elsewhere", exit_code=ExitCode.CONFIGURATION
        )
    return root
