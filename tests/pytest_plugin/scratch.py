"""Somebody else's repository: a folder outside ours with tests in it, on which pytest is run as they would run it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.guard import guarded

ROOT = Path(__file__).parents[2]
RUN_S = 240
LEAN = ("-p", "no:cacheprovider", "-p", "no:schemathesis")  # of ours, and 1.5 s of every start
GONE_S = 30.0
LINKED = ("services", "migrations")
# One service on PostgreSQL, the bus and the cache: what a test of the life of a platform needs.
SMALL = """
version: 1
driver: embedded
services:
  profile: {}
"""


@dataclass(kw_only=True)
class Scratch:
    """A folder of tests, and the workspace that they use."""

    folder: Path
    workspace: Path

    def write(self, name: str, text: str) -> None:
        """Write a file of tests."""
        (self.folder / name).write_text(text, encoding="utf-8")

    def start(self, *arguments: str, environment: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """Start pytest and return at once."""
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("AUTIONAL_", "PYTEST_"))}
        words, keep = guarded([sys.executable, "-m", "pytest", *LEAN, "--junitxml=junit.xml", *arguments])
        return subprocess.Popen(
            words,
            pass_fds=keep,
            cwd=self.folder,
            env={**inherited, "NO_COLOR": "1", "COLUMNS": "200", **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *arguments: str, environment: Mapping[str, str] | None = None) -> Run:
        """Run pytest to its end."""
        with self.start(*arguments, environment=environment) as process:
            try:
                output, _ = process.communicate(timeout=RUN_S)
            finally:
                process.kill()
        return Run(code=process.returncode, output=output, junit=self.folder / "junit.xml")

    def instances(self) -> list[str]:
        """Return the platforms that have any state in the workspace."""
        return sorted(path.name for path in (self.workspace / ".autional").glob("*") if path.is_dir())

    def processes(self) -> list[str]:
        """Return the command lines of all processes that belong to a platform of the workspace or watch over one."""
        found = []
        for process in psutil.process_iter(["cmdline"]):
            words = process.info["cmdline"] or []
            if any(word.startswith(str(self.workspace)) for word in words):
                found.append(" ".join(words))
        return found

    def wait_clear(self) -> None:
        """Return once no platform of a run is left, neither processes nor files; fails past a deadline."""
        deadline = time.monotonic() + GONE_S
        while (self.processes() or self.instances()) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not self.processes()
        assert not self.instances()


@dataclass(kw_only=True)
class Run:
    """What a run of pytest said."""

    code: int
    output: str
    junit: Path

    def outcomes(self) -> dict[str, str]:
        """Return how each test ended: passed, failure, error or skipped."""
        found = {}
        for case in ET.parse(self.junit).getroot().iter("testcase"):
            kinds = [child.tag for child in case if child.tag in ("failure", "error", "skipped")]
            found[case.get("name", "")] = kinds[0] if kinds else "passed"
        return found

    def failure(self, test: str) -> str:
        """Return what the JUnit file says about a failure."""
        for case in ET.parse(self.junit).getroot().iter("testcase"):
            if case.get("name") == test:
                return "\n".join(str(child.text) for child in case)
        return ""


def small_workspace(folder: Path) -> Path:
    """Make a workspace of its own with our services and one small stack, so that its platforms are only its own."""
    (folder / "stacks").mkdir(parents=True)
    (folder / "stacks" / "full.yaml").write_text(SMALL, encoding="utf-8")
    for name in LINKED:
        (folder / name).symlink_to(ROOT / name)
    return folder
