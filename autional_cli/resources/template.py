"""Migrated PostgreSQL clusters kept as templates: a new instance copies files instead of running initdb and migrations.

They live in `$XDG_CACHE_HOME/autional/templates/<key>` (default `~/.cache`). The key covers everything that shaped the
cluster: server version, our layout, and the migrations. A template holds no password, only SCRAM verifiers, and an
instance that copies one sets its own (`Postgres.prepare` and `provision`).
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from autional_cli.drivers.telling import tell
from autional_cli.errors import AutionalError, ExitCode
from autional_cli.instance import runtime_root
from autional_cli.resources.storage import MARKER, explained, stage_for

if TYPE_CHECKING:
    from collections.abc import Iterator

LAYOUT = 3  # raise it when initdb's options or the provisioning change
KEPT = 3
COPY_S = 120.0
MANIFEST = "autional.template"
STAGE = ".saving."
# What belongs to the running of one instance and would be wrong, or stale, in another.
LEFT_OUT = ("postmaster.pid", "postmaster.opts", "postgresql.conf")


@dataclass(frozen=True, slots=True)
class Template:
    """One template, whether it exists yet or not."""

    path: Path

    @classmethod
    def of(cls, version: str, migrations: str) -> Template:
        """Return the template for a server version and a fingerprint of all migration files."""
        key = hashlib.sha256(f"{version}\n{LAYOUT}\n{migrations}".encode()).hexdigest()[:24]
        return cls(cache_root() / key)

    @property
    def exists(self) -> bool:
        try:
            return (self.path / MANIFEST).is_file()
        except OSError:  # a folder that this user may not look into
            return False

    def restore(self, target: Path) -> bool:
        """Copy it to `target`, which must not hold data yet; return False when there is no usable template."""
        return restore(self, target)

    def save(self, stopped_data_dir: Path) -> None:
        """Keep a copy of a cluster that has been stopped cleanly."""
        save(self, stopped_data_dir)


def cache_root() -> Path:
    """Return the folder of all templates; for a user without a home it is where sockets go."""
    try:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "autional"
    except RuntimeError:
        base = runtime_root()
    return base / "templates"


def restore(template: Template, target: Path) -> bool:
    """Copy a template to `target`, whole or not at all; return False when there is none that is usable.

    A damaged template (a power cut may leave one) is removed and counts as none.
    """
    if not template.exists:
        return False
    if target.exists() and any(target.iterdir()):
        raise AutionalError(f"{target} is not empty", exit_code=ExitCode.BACKEND_UNAVAILABLE)
    with explained(target), contextlib.ExitStack() as lock:
        try:
            lock.enter_context(locked(template.path.parent, fcntl.LOCK_SH))
            manifest = json.loads((template.path / MANIFEST).read_bytes())
        except (OSError, ValueError):
            return False
        stage = stage_for(target)
        try:
            copy(template.path, stage)
            if measure(stage) == manifest:
                (stage / MANIFEST).unlink()
                stage.rename(target)
                os.utime(template.path)
                return True
        finally:
            shutil.rmtree(stage, ignore_errors=True)
    discard(template.path)
    words = "the template of the database was damaged, and is made anew"
    tell(words)
    sys.stderr.write(f"{template.path}: {words}\n")
    return False


def save(template: Template, stopped_data_dir: Path) -> None:
    """Keep a copy of a stopped cluster; of two who save at once, one wins and both succeed."""
    if (stopped_data_dir / "postmaster.pid").exists() or not (stopped_data_dir / MARKER).is_file():
        raise AutionalError(
            f"{stopped_data_dir} cannot become a template: it is in use or was not made by Autional",
            exit_code=ExitCode.BACKEND_UNAVAILABLE,
        )
    root = template.path.parent
    with explained(root):
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        stage = Path(tempfile.mkdtemp(prefix=STAGE, dir=root))
        try:
            copy(stopped_data_dir, stage)
            for name in LEFT_OUT:
                (stage / name).unlink(missing_ok=True)
            (stage / MANIFEST).write_text(json.dumps(measure(stage)), encoding="ascii")
            with locked(root, fcntl.LOCK_EX), contextlib.suppress(OSError):  # another saver was first
                if not template.exists:
                    stage.rename(template.path)
        finally:
            shutil.rmtree(stage, ignore_errors=True)
    trim(root)


def trim(root: Path) -> None:
    """Remove all but the templates that were used last; a copy that is still being saved is none yet."""
    with locked(root, fcntl.LOCK_EX):
        templates = [path.parent for path in root.glob(f"*/{MANIFEST}") if not path.parent.name.startswith(STAGE)]
        for template in sorted(templates, key=lambda path: path.stat().st_mtime, reverse=True)[KEPT:]:
            shutil.rmtree(template, ignore_errors=True)


def discard(path: Path) -> None:
    """Remove one template."""
    with contextlib.suppress(OSError), locked(path.parent, fcntl.LOCK_EX):
        shutil.rmtree(path, ignore_errors=True)


def copy(source: Path, target: Path) -> None:
    """Copy the content of a directory into an empty one, sharing blocks where the file system can."""
    cp = shutil.which("cp")
    if cp and os.uname().sysname == "Linux":
        argv = [cp, "-a", "--reflink=auto", f"{source}/.", str(target)]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=COPY_S, check=False)  # noqa: S603 - our paths
        if done.returncode == 0:
            return
        if "No space left" in done.stderr:
            raise OSError(28, "No space left on device", str(target))
    shutil.copytree(source, target, dirs_exist_ok=True, symlinks=True)


def measure(folder: Path) -> dict[str, int]:
    """Return how many files a directory tree has, their bytes, and a checksum of all names and contents.

    CRC-32 notices what a power cut or a bad disk does; who may write here needs no template to do harm.
    """
    files = bytes_ = checksum = 0
    root = os.fspath(folder)
    for place, folders, names in os.walk(root):
        folders.sort()
        for name in sorted(names):
            if name == MANIFEST:
                continue
            path = os.path.join(place, name)  # noqa: PTH118 - a tree of a thousand files, on the way to ready
            checksum = zlib.crc32(os.fsencode(os.path.relpath(path, root)), checksum)
            content = os.fsencode(os.readlink(path)) if os.path.islink(path) else read_whole(path)  # noqa: PTH114, PTH115 - ditto
            checksum = zlib.crc32(content, checksum)
            files, bytes_ = files + 1, bytes_ + len(content)
    return {"files": files, "bytes": bytes_, "crc32": checksum}


def read_whole(path: str) -> bytes:
    """Return the content of a file; segments of the log are 1 MB, tables hardly more."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(descriptor, os.fstat(descriptor).st_size + 1)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def locked(root: Path, kind: int) -> Iterator[None]:
    """Hold the lock of the templates: shared to read one, exclusive to add or remove one."""
    descriptor = os.open(root / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, kind)
        yield
    finally:
        os.close(descriptor)
