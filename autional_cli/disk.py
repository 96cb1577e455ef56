"""The disks that an instance writes to: how much room each has, and whether it can be written at all."""

from __future__ import annotations

import errno
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from autional_cli.errors import AutionalError, ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from autional_cli.instance import Instance

MEGABYTE = 1 << 20
LEAST = 2 * MEGABYTE  # a server that grows its files by a megabyte or more has none left below
TRIED = 64 * 1024  # bytes that are written to see whether that works: a quota is in no figure of the file system
TEMPORARY, STATE, DATA = "temporary files", "state", "data"
REFUSES = {
    errno.ENOSPC: "is full",
    errno.EDQUOT: "is full: its quota is used up",
    errno.EROFS: "is mounted read-only",
    errno.EIO: "fails: it reports an I/O error",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """One file system: a folder on it, what it is used for, bytes and inodes that are free (-1: not counted).

    `problem` says why nothing can be written there; empty when it can.
    """

    path: Path
    uses: tuple[str, ...]
    free: int
    inodes: int
    problem: str = ""

    @property
    def used_for(self) -> str:
        """What it is used for, in words; what goes without saying is left out."""
        return ", ".join(use for use in self.uses if DATA not in self.uses or not use.startswith(f"{DATA} of "))

    def __str__(self) -> str:
        return f"the disk of {self.path} ({self.used_for}) {self.problem}".rstrip()


def places(instance: Instance) -> dict[str, Path]:
    """Return the folders that an instance writes to by what they are for; each may be a disk of its own."""
    found = {STATE: instance.home, DATA: instance.data_dir, "logs": instance.logs_dir, "sockets": instance.run_dir}
    found |= {data_of(path): path for path in sorted(instance.data_dir.glob("[!.]*")) if path.is_dir()}
    return {**found, TEMPORARY: Path(os.environ.get("TMPDIR") or "/tmp")}  # noqa: S108 - looked at, not used


def data_of(folder: Path) -> str:
    """Return the use of the folder with the data of one resource."""
    return f"{DATA} of {folder.name}"


def look(folders: Mapping[str, Path]) -> list[Disk]:
    """Return the disks that hold `folders`, or would hold them, each once; one that cannot be asked is a problem."""
    disks: dict[int, tuple[Path, list[str]]] = {}
    for use, folder in folders.items():
        existing = next((path for path in (folder, *folder.parents) if path.is_dir()), Path("/"))
        disks.setdefault(existing.stat().st_dev, (existing, []))[1].append(use)
    return [_measure(path, uses) for path, uses in disks.values()]


def _measure(path: Path, uses: Iterable[str]) -> Disk:
    try:
        found = os.statvfs(path)
    except OSError as failure:
        return Disk(path=path, uses=tuple(uses), free=0, inodes=-1, problem=_words(failure))
    blocks = found.f_bfree if os.geteuid() == 0 else found.f_bavail
    free, inodes = blocks * found.f_frsize, found.f_favail if found.f_files else -1
    return Disk(path=path, uses=tuple(uses), free=free, inodes=inodes, problem=_problem(path, found, free, inodes))


def _problem(path: Path, found: os.statvfs_result, free: int, inodes: int) -> str:
    if found.f_flag & os.ST_RDONLY:
        return REFUSES[errno.EROFS]
    if inodes == 0:
        return "is full: it has no inode left for another file"
    if free < LEAST:
        return f"is full: {free / MEGABYTE:.1f} MB are left"
    try:
        with tempfile.TemporaryFile(dir=path, prefix=".autional-room-") as file:
            file.write(bytes(TRIED))
    except OSError as failure:
        return _words(failure)
    return ""


def _words(failure: OSError) -> str:
    return REFUSES.get(failure.errno or 0, f"cannot be written: {failure.strerror or failure}")


def fix(disk: Disk) -> str:
    """Return the command that shows what to do about a disk that cannot be written, or has little room."""
    if disk.problem == REFUSES[errno.EROFS]:
        return f"mount it read-write: findmnt -T {disk.path}, then mount -o remount,rw <its target>"
    which = "-i " if disk.inodes == 0 else ""
    return f"free some space: df {which}-h {disk.path}"


def must_be_writable(instance: Instance) -> None:
    """Raise AutionalError (exit 4) naming the first disk of an instance that nothing can be written to."""
    for disk in look(places(instance)):
        if disk.problem and set(disk.uses) - {TEMPORARY}:
            raise AutionalError(
                f"instance {instance.name} cannot work: {disk}",
                hint=fix(disk),
                exit_code=ExitCode.BACKEND_UNAVAILABLE,
            )
