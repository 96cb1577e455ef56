"""What a person can say about the platform of a test session: options, their ini equivalents, and what they mean."""

from __future__ import annotations

import hashlib
import os
import re
import uuid
from dataclasses import dataclass
from pathlib import Path

import pytest

DRIVERS = ("embedded", "docker")
LONGEST_NAME = 32  # of an instance
KEPT = "test-kept"
WORKSPACE = "AUTIONAL_WORKSPACE"
PARENT = "AUTIONAL_TEST_PARENT"  # the process with which a run ends
_CHOSEN = pytest.StashKey["Chosen"]()


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The platform that a session wants. `instance` is the same in all workers of one run."""

    root: Path
    instance: str
    stack: str | None
    driver: str | None
    keep: bool
    timeout_s: float
    worker: str

    def home(self) -> Path:
        """Return where its state lives."""
        return self.root / ".autional" / self.instance


def add(parser: pytest.Parser) -> None:
    """Add options and ini values."""
    group = parser.getgroup("autional", "a platform for the tests")
    group.addoption(
        "--platform-driver", choices=DRIVERS, help="how the backing servers of the platform run (ini: autional_driver)"
    )
    group.addoption(
        "--platform-stack", metavar="NAME", help="which stack runs: a file of stacks/, without .yaml (autional_stack)"
    )
    group.addoption(
        "--keep-platform",
        action="store_true",
        default=None,
        help="leave the platform running, for the next run with this option to attach to (autional_keep)",
    )
    parser.addini("autional_driver", "as --platform-driver", default="")
    parser.addini("autional_stack", "as --platform-stack", default="")
    parser.addini("autional_keep", "as --keep-platform", type="bool", default=False)
    parser.addini("autional_timeout", "seconds that the platform may take to start", default="120")
    parser.addini(
        "autional_workspace",
        "the folder with stacks/ and services/; else AUTIONAL_WORKSPACE, the folder around the tests, or the package",
        default="",
    )


def check(config: pytest.Config) -> None:
    """Raise pytest's usage error for a driver, stack, workspace or time that cannot be; costs nothing if unused."""
    driver, stack = str(config.getini("autional_driver")), _stack(config)
    if driver and driver not in DRIVERS:
        raise pytest.UsageError(f"autional_driver = {driver}: choose from {', '.join(DRIVERS)}")
    if not re.fullmatch(r"\d+(\.\d+)?", str(config.getini("autional_timeout"))):
        raise pytest.UsageError(f"autional_timeout = {config.getini('autional_timeout')}: give seconds, such as 120")
    if stack is None and not config.getini("autional_workspace"):
        return
    root = workspace(config)
    known = sorted(path.stem for path in (root / "stacks").glob("*.yaml"))
    if stack is not None and stack not in known:
        raise pytest.UsageError(f"--platform-stack {stack}: {root}/stacks has only {', '.join(known)}")


def chosen(config: pytest.Config) -> Chosen:
    """Return what the session wants, settled once."""
    found = config.stash.get(_CHOSEN, None)
    if found is None:
        found = config.stash[_CHOSEN] = _choose(config)
    return found


def _choose(config: pytest.Config) -> Chosen:
    root = workspace(config)
    stack = _stack(config)
    driver = config.getoption("--platform-driver") or str(config.getini("autional_driver")) or None
    keep = keeps(config)
    worker = getattr(config, "workerinput", {})
    run = str(worker.get("testrunuid") or uuid.uuid4().hex)
    return Chosen(
        root=root,
        instance=kept_name(stack, driver) if keep else f"test-{run[:12]}",
        stack=stack,
        driver=driver,
        keep=keep,
        timeout_s=float(config.getini("autional_timeout")),
        worker=str(worker.get("workerid", "main")),
    )


def keeps(config: pytest.Config) -> bool:
    """Whether the platform is to be left running."""
    said = config.getoption("--keep-platform")
    return bool(config.getini("autional_keep")) if said is None else bool(said)


def kept_name(stack: str | None, driver: str | None) -> str:
    """Return the instance that is kept for a stack and a driver, so that a run never finds another one's."""
    name = "-".join(filter(None, (KEPT, stack, driver)))
    if re.fullmatch("[a-z0-9-]+", name) and len(name) <= LONGEST_NAME:
        return name
    return f"{KEPT}-{hashlib.sha256(name.encode()).hexdigest()[:12]}"


def workspace(config: pytest.Config) -> Path:
    """Return the workspace: what was said, else the one around the tests, else the package's own."""
    said = str(config.getini("autional_workspace"))
    if said:
        return _workspace((config.rootpath / Path(said).expanduser()).resolve(), "autional_workspace")
    if variable := os.environ.get(WORKSPACE):
        return _workspace(Path(variable).resolve(), WORKSPACE)
    own = Path(__file__).resolve().parents[2]
    around = (config.rootpath, *config.rootpath.parents)
    return next((folder for folder in (*around, own) if is_workspace(folder)), own)


def _workspace(folder: Path, source: str) -> Path:
    if not is_workspace(folder):
        raise pytest.UsageError(f"{source}: {folder} is no workspace of Autional: it lacks stacks/ or services/")
    return folder


def is_workspace(folder: Path) -> bool:
    """Whether a folder is the top of a workspace; what only happens to have folders of these names is not."""
    return (folder / "services" / "chassis").is_dir() and (folder / "stacks").is_dir()


def _stack(config: pytest.Config) -> str | None:
    return config.getoption("--platform-stack") or str(config.getini("autional_stack")) or None
