"""Where the workspace is."""

from __future__ import annotations

import os
from pathlib import Path

from autional_cli.errors import AutionalError, ExitCode

VARIABLE = "AUTIONAL_WORKSPACE"
MARKS = ("stacks", "services")


def find_root(start: Path | None = None) -> Path:
    """Return the nearest folder at or above `start` (the current one) with both `stacks/` and `services/`.

    The environment variable AUTIONAL_WORKSPACE overrides the search.
    """
    override = os.environ.get(VARIABLE)
    if override:
        root = Path(override).resolve()
        if is_root(root):
            return root
        raise AutionalError(
            f"{VARIABLE}={override} is not a workspace: it lacks stacks/ or services/",
            hint=f"unset {VARIABLE}, or point it at a clone of Autional",
            exit_code=ExitCode.CONFIGURATION,
        )
    here = start.resolve() if start else present()
    for folder in (here, *here.parents):
        if is_root(folder):
            return folder
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
    """Whether a folder is the top of a workspace."""
    return all((folder / mark).is_dir() for mark in MARKS)
