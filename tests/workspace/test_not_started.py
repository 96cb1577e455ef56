"""What cannot be started, and an instance that nobody started: every command says so and makes nothing for it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autional_cli.errors import ExitCode
from autional_cli.main import COMMANDS, load
from tests.platform.running import AUTIONAL, ROOT

MAKING = {"up", "down"}  # one makes it, the other proves that nothing is left of it
NAMED: dict[str, tuple[str, ...]] = {  # what a command cannot do without
    "why": ("profile",),
    "scale": ("profile=2",),
    "restart": ("profile",),
    "drain": ("profile",),
    "trace": ("last",),
    "chaos": ("kill", "profile"),
    "db shell": ("profile", "-c", "SELECT 1"),
    "events dlq show": ("profile/1-1",),
    "events dlq replay": ("--all",),
    "events dlq drop": ("--all", "-y"),
    "migrate new": ("-s", "profile", "-m", "x"),
    "migrate merge": ("-s", "profile"),
    "check": ("--lane", "data"),
}


def commands(command: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield the path of every command below that knows `--instance`."""
    for name, child in getattr(command, "commands", {}).items():
        yield from commands(child, (*path, name))
    if any("--instance" in getattr(parameter, "opts", ()) for parameter in command.params):
        yield path


READING = sorted(" ".join(path) for name in COMMANDS for path in commands(load(name), (name,)) if name not in MAKING)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A copy of what makes a workspace, in which nothing was ever started."""
    for name in ("services", "stacks", "migrations", "checks"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def run(workspace: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("AUTIONAL_")}
    command = [str(AUTIONAL), *arguments]
    return subprocess.run(
        command, cwd=workspace, env={**clean, **environment}, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("name", READING)
def test_an_unknown_instance_is_3_and_leaves_nothing(workspace: Path, name: str) -> None:
    words = (*name.split(), *NAMED.get(name, ()))
    done = run(workspace, *words, "--instance", "nope")
    assert done.returncode == ExitCode.CONFIGURATION, done.stdout + done.stderr
    assert "there is no instance 'nope'" in done.stderr
    assert "autional up --instance nope" in done.stderr
    assert not (workspace / ".autional").exists()


def test_every_family_of_commands_is_looked_at() -> None:
    assert {"ps", "drift", "why", "logs", "trace", "db shell", "migrate up", "events tail", "check"} <= set(READING)


@pytest.mark.parametrize(
    "words", ["drift", "migrate status", "db shell profile -c 1", "events dlq list", "events tail"]
)
@pytest.mark.parametrize("named", ["", "never"])
def test_what_was_never_started_is_4_and_nobody_else_s_ports_are_dialled(
    workspace: Path, words: str, named: str
) -> None:
    done = run(workspace, *words.split(), **({"AUTIONAL_INSTANCE": named} if named else {}))
    assert done.returncode == ExitCode.BACKEND_UNAVAILABLE, done.stdout + done.stderr
    assert "is not running" in done.stderr
    assert not (workspace / ".autional").exists()


@pytest.mark.parametrize(
    ("file", "previous", "said"),
    [
        ("0002_lost.py", "nowhere", "migrations/profile/0002_lost.py:2: down_revision 'nowhere' is no revision"),
        ("0002_lost.py", "profile_0001", "migrations/profile has several heads: profile_0002, profile_0003"),
    ],
)
@pytest.mark.parametrize("words", ["up", "up --dry-run"])
def test_a_start_is_refused_for_revisions_that_cannot_be(
    workspace: Path, words: str, file: str, previous: str, said: str
) -> None:
    body = "\n\ndef upgrade() -> None:\n    pass\n\n\ndef downgrade() -> None:\n    pass\n"
    folder = workspace / "migrations" / "profile"
    (folder / file).write_text(f'revision = "profile_0002"\ndown_revision = "{previous}"{body}')
    (folder / "0003_other.py").write_text(f'revision = "profile_0003"\ndown_revision = "profile_0001"{body}')
    done = run(workspace, *words.split(), AUTIONAL_INSTANCE="refused", PYTHONPATH=str(workspace))
    assert done.returncode == ExitCode.CONFIGURATION, done.stdout + done.stderr
    assert said in done.stderr
    assert "next: " in done.stderr
    assert run(workspace, "ps", AUTIONAL_INSTANCE="refused").stderr.startswith("instance refused is stopped")


def test_what_lies_beside_the_instances_is_none(workspace: Path) -> None:
    (workspace / ".autional" / "checks").mkdir(parents=True)
    (workspace / ".autional" / "other" / "logs").mkdir(parents=True)
    done = run(workspace, "drift", "--instance", "checks")
    assert done.returncode == ExitCode.CONFIGURATION
    assert "there are: other\n" in done.stderr
