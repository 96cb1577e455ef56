"""The programs themselves where they are Go programs, built from their modules: what an official image runs.

A build takes minutes, so what was built is kept by module and version in the user's cache.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

BUILD_S = 3600.0
ASK_S = 60.0


@dataclass(frozen=True)
class Program:
    """A Go program: `package` is its main package at `version` of its module; `what` is what people know it as."""

    package: str
    version: str
    what: str

    @property
    def path(self) -> Path:
        """Where it is kept once it is built."""
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        return cache / "autional-programs" / f"{self.package.rpartition('/')[2]}-{self.version}"


# Jaeger's releases 2.x are 1.x as modules: the last that the module proxy has is 2.13.
PROGRAMS = {
    "objects": Program("github.com/versity/versitygw/cmd/versitygw", "v1.8.0", "Versity S3 Gateway 1.8.0"),
    "jaeger": Program("github.com/jaegertracing/jaeger/cmd/jaeger", "v1.76.0", "Jaeger 2.13.0"),
    "mailbox": Program("github.com/axllent/mailpit", "v1.33.1", "Mailpit 1.33.1"),
}


class NotBuiltError(Exception):
    """The text says why."""


def built(program: Program) -> Path:
    """Return the program, building it if it is not kept. Raises `NotBuiltError`."""
    if program.path.is_file():
        return program.path
    if shutil.which("go") is None:
        raise NotBuiltError("there is no Go")
    program.path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="autional-program-") as scratch:
        folder = Path(scratch)
        go(folder, ASK_S, "mod", "init", "program")
        go(folder, BUILD_S, "get", "-tool", f"{program.package}@{program.version}")
        made = folder / "program"
        go(folder, BUILD_S, "build", "-trimpath", "-ldflags=-s -w", "-o", str(made), program.package)
        moved = shutil.copy(made, program.path.with_suffix(f".{os.getpid()}"))
        Path(moved).replace(program.path)
    return program.path


def go(folder: Path, limit_s: float, *arguments: str) -> None:
    """Run the go command in a module of its own. Raises `NotBuiltError` with its last words."""
    environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false"}
    try:
        done = subprocess.run(
            ["go", *arguments],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=limit_s,
            check=False,
        )
    except subprocess.TimeoutExpired as failure:
        raise NotBuiltError(f"go {arguments[0]} took longer than {limit_s:g} s") from failure
    if done.returncode:
        raise NotBuiltError(f"go {arguments[0]}: {' '.join(done.stderr.split())[-300:]}")
