"""One instance of the platform: its directories, its state file and its block of ports.

Several instances live side by side, one per worktree or `--instance`. A block of 100 ports (and the 100 ports 1000
above it, for gRPC) is claimed by binding one of them for the life of the supervisor, so a crash releases it, and so
users who share a machine need no file that both may write.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import socket
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autional_cli import ports
from autional_cli.block import CLAIM_OFFSET, DEFAULT_BASE, PortBlock
from autional_cli.errors import AutionalError, ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

    from services.chassis.spec import ServiceSpec

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
DEFAULT_NAME = "default"
MARKS = ("instance.json", "secrets.json", "supervisor.lock", "logs")  # at least one is in the folder of every instance
# Blocks of 100 in every other thousand: the thousand above each belongs to its gRPC ports. All lie below the ports that
# systems hand out to outgoing connections (Linux: from 32768).
BASES = tuple(thousand + hundred for thousand in range(11000, 31000, 2000) for hundred in range(0, 1000, 100))
SOCKET_PATH_BYTES = 100  # sockaddr_un holds 104 bytes on macOS, 108 on Linux
LONGEST_SOCKET_NAME = 40


@dataclass(frozen=True, slots=True)
class Instance:
    """Where one instance of the platform in `root` keeps its state. Nothing is created before `create`."""

    root: Path
    name: str

    @classmethod
    def open(cls, root: Path, name: str | None = None) -> Instance:
        """Return the instance `name`, else that of AUTIONAL_INSTANCE, else `default`; AutionalError for a bad name."""
        chosen = name or os.environ.get("AUTIONAL_INSTANCE") or DEFAULT_NAME
        if not NAME.fullmatch(chosen):
            raise AutionalError(
                f"instance name {chosen!r} is not valid",
                hint="use up to 32 of a-z, 0-9 and -, starting with a letter or digit",
                exit_code=ExitCode.USAGE,
            )
        opened = cls(root.resolve(), chosen)
        opened.refuse_foreign()
        return opened

    @classmethod
    def known(cls, root: Path, name: str | None = None) -> Instance:
        """Return the instance as `open` does; AutionalError (exit 3) when `name` is given and there is no such one.

        For what reads or changes an instance: only a start makes one.
        """
        opened = cls.open(root, name)
        if name and name != DEFAULT_NAME and not is_instance(opened.home):
            others = sorted(each.name for each in opened.home.parent.glob("*") if is_instance(each))
            there = f"; there are: {', '.join(others)}" if others else ""
            raise AutionalError(
                f"there is no instance {name!r} in {opened.root}",
                hint=f"autional up --instance {name} starts one{there}",
                exit_code=ExitCode.CONFIGURATION,
            )
        return opened

    def refuse_foreign(self) -> None:
        """Raise AutionalError (exit 4) when another user has this workspace's instances, or this one."""
        for folder in (self.home.parent, self.home):
            try:
                owner = folder.stat().st_uid
            except FileNotFoundError:
                return
            if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
                raise AutionalError(
                    f"{folder} belongs to user {owner}, and you are {os.getuid()}",
                    hint="use a workspace of your own (git worktree add), or be that user",
                    exit_code=ExitCode.BACKEND_UNAVAILABLE,
                )

    @property
    def home(self) -> Path:
        return self.root / ".autional" / self.name

    @property
    def data_dir(self) -> Path:
        return self.home / "data"

    @property
    def logs_dir(self) -> Path:
        return self.home / "logs"

    @property
    def keys_dir(self) -> Path:
        return self.home / "keys"

    @property
    def traces_db(self) -> Path:
        return self.home / "traces.db"

    @property
    def secrets_file(self) -> Path:
        return self.home / "secrets.json"

    @property
    def state_file(self) -> Path:
        return self.home / "instance.json"

    @property
    def engine_note(self) -> Path:
        """A file that says: a Docker engine may have something of this instance."""
        return self.home / "engine.used"

    @property
    def run_dir(self) -> Path:
        """Sockets and pid files; under /tmp where the workspace's path is too long for a socket address."""
        inside = self.home / "run"
        if len(os.fsencode(inside)) + LONGEST_SOCKET_NAME <= SOCKET_PATH_BYTES:
            return inside
        return runtime_root() / hashlib.sha256(os.fsencode(self.home)).hexdigest()[:12]

    @property
    def block(self) -> PortBlock:
        """The block it claimed last, or the default one."""
        base = self.recall().get("block", DEFAULT_BASE)
        return PortBlock(base if base in BASES else DEFAULT_BASE)

    def create(self) -> None:
        """Create its directories, readable by their owner only."""
        for path in (self.home.parent, self.home, self.data_dir, self.logs_dir, self.keys_dir, self.run_dir):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.chmod(0o700)

    def discard_run_dir(self) -> None:
        """Remove the sockets' directory after a stop; under /tmp it would otherwise outlive the workspace."""
        shutil.rmtree(self.run_dir, ignore_errors=True)

    def recall(self) -> dict[str, Any]:
        """Return what `remember` stored; empty when there is nothing, or nothing readable."""
        try:
            stored = json.loads(self.state_file.read_bytes())
        except (OSError, ValueError):
            return {}
        return stored if isinstance(stored, dict) else {}

    def remember(self, **values: Any) -> None:
        """Store values such as `block` and `stack` across `down` and `up`."""
        write_private(self.state_file, json.dumps({"version": 1, **self.recall(), **values}, indent=2) + "\n")


@dataclass(slots=True)
class BlockClaim:
    """A block of ports held until `close`, or until this process ends however it ends."""

    block: PortBlock
    held: Lock

    def close(self) -> None:
        self.held.close()

    def __enter__(self) -> BlockClaim:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def claim_block(instance: Instance, specs: Iterable[ServiceSpec] | None = None) -> BlockClaim:
    """Claim the block that `instance` had before, or else the next one that is free.

    Raises AutionalError (exit 4) when a process of this user outside the platform listens on a port that `specs` need
    in the block where people look for this instance: the one it had, or the default block of the default instance. Any
    other block is just passed over, and so is one that another user has.
    """
    first = instance.block.base
    expected = first if "block" in instance.recall() or instance.name == DEFAULT_NAME else None
    for base in (first, *(base for base in BASES if base != first)):
        held = lock_block(base)
        if held is None:
            continue
        claim = BlockClaim(PortBlock(base), held)
        try:
            found = ports.taken(claim.block.needed(specs))
            if found is None:
                instance.remember(block=base)
                return claim
            if base == expected and found.is_ours:
                ports.refuse_taken([found.port], wanted_by=f"instance {instance.name}")
        except BaseException:
            claim.close()
            raise
        claim.close()
    raise AutionalError(
        f"all {len(BASES)} blocks of ports are claimed by running instances",
        hint="stop one of them: autional down --instance NAME",
        exit_code=ExitCode.BACKEND_UNAVAILABLE,
    )


def is_instance(folder: Path) -> bool:
    """Whether a folder is that of an instance; the checks, for one, keep what they know beside them."""
    return bool(NAME.fullmatch(folder.name)) and any((folder / mark).exists() for mark in MARKS)


class Lock:
    """What holds a block: a bound port, which all users see, and a file lock, which older releases see."""

    def __init__(self, base: int) -> None:
        """Take both; OSError when another instance has one of them, whoever runs it."""
        folder = runtime_root() / "blocks"
        folder.mkdir(mode=0o700, exist_ok=True)
        self._descriptor = os.open(folder / f"{base}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        # It never listens and takes no connection, so its port is free again in the moment it is closed.
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._socket.bind((ports.LOOPBACK, base + CLAIM_OFFSET))
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the block. Harmless when done twice."""
        self._socket.close()
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


def lock_block(base: int) -> Lock | None:
    """Return what holds the block, or None when another instance has it."""
    try:
        return Lock(base)
    except OSError:
        return None


def runtime_root() -> Path:
    """Return `/tmp/autional-<uid>`, created for its owner alone; in XDG_RUNTIME_DIR if somebody else made that.

    AutionalError when there is neither.

    It does not depend on HOME or TMPDIR, so that every instance of one user meets there.
    """
    usual = Path("/tmp") / f"autional-{os.getuid()}"  # noqa: S108 - ownership and mode are verified below
    session = os.environ.get("XDG_RUNTIME_DIR")  # nobody else can make anything there
    for root in (usual, *([Path(session) / "autional"] if session else [])):
        with contextlib.suppress(OSError):
            root.mkdir(mode=0o700)
        if is_private(root):
            return root
    raise AutionalError(
        f"{usual} is not a directory of yours with mode 0700",
        hint=f"find out who made it, then remove it: ls -ld {usual}; or set XDG_RUNTIME_DIR to a folder of yours",
        exit_code=ExitCode.BACKEND_UNAVAILABLE,
    )


def is_private(folder: Path) -> bool:
    """Whether a folder is this user's and nobody else may enter it."""
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not stat.S_IMODE(found.st_mode) & 0o077


def write_private(path: Path, text: str) -> None:
    """Replace the file `path` by `text` in one step, readable by its owner only."""
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # mkstemp makes it 0600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
