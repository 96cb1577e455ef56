"""The folder an export is written to: ours are replaced, a person's are kept.

A marker lists what was written with its digest, so that a second export can tell what somebody changed since.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autional_cli.errors import AutionalError, ExitCode

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MARKER = ".autional-export.json"


@dataclass(frozen=True, slots=True)
class Written:
    """One file and what became of it: `written`, `unchanged`, `kept` (a person's own) or `removed`."""

    path: str
    action: str


def write(folder: Path, target: str, ours: Mapping[str, str], theirs: Mapping[str, str]) -> list[Written]:
    """Write `ours`, and `theirs` where they do not exist yet; remove what we wrote before and no longer do.

    AutionalError (exit 2) and nothing written if the folder holds something else, or a file of ours was edited.
    """
    known = marker(folder, target)
    edited = [
        path for path, digest in known.items() if (folder / path).is_file() and digest_of(folder / path) != digest
    ]
    strangers = [path for path in ours if path not in known and (folder / path).exists()]
    if edited or strangers:
        raise AutionalError(
            f"{folder}: edited since it was written, or not ours: {', '.join(sorted({*edited, *strangers}))}",
            hint="put the change into an overlay and delete the file, then export again",
            exit_code=ExitCode.USAGE,
        )
    done = [place(folder, path, text, known.get(path)) for path, text in ours.items()]
    for path, text in theirs.items():
        if (folder / path).exists():
            done.append(Written(path, "kept"))
        else:
            done.append(place(folder, path, text, None))
    for path in sorted(known.keys() - ours.keys()):
        (folder / path).unlink(missing_ok=True)
        done.append(Written(path, "removed"))
    files = {path: hashlib.sha256(text.encode()).hexdigest() for path, text in sorted(ours.items())}
    (folder / MARKER).write_text(json.dumps({"schema": 1, "target": target, "files": files}, indent=2) + "\n")
    return done


def marker(folder: Path, target: str) -> dict[str, str]:
    """Return what an earlier export wrote, by path with its digest; nothing for a new or empty folder."""
    if not folder.exists():
        return {}
    if not folder.is_dir():
        raise AutionalError(f"{folder} is not a folder", hint="-o FOLDER")
    if not any(folder.iterdir()):
        return {}
    try:
        found = json.loads((folder / MARKER).read_text(encoding="utf-8"))
        files = dict(found["files"])
    except (OSError, ValueError, KeyError, TypeError):
        raise AutionalError(
            f"{folder} is not empty and holds no export; nothing in it was changed", hint="-o with an empty folder"
        ) from None
    if found.get("target") != target:
        raise AutionalError(f"{folder} holds an export for {found.get('target')}", hint="-o with another folder")
    return files


def place(folder: Path, path: str, text: str, before: str | None) -> Written:
    """Write one file."""
    if before == hashlib.sha256(text.encode()).hexdigest() and (folder / path).is_file():
        return Written(path, "unchanged")
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_text(text, encoding="utf-8")
    return Written(path, "written")


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
