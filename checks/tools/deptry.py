"""Deptry: imports against the dependencies that pyproject.toml declares."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from checks.cache import digest, installed
from checks.tools.process import Tool

FOLDERS = ("services", "autional_cli", "checks", "migrations")
# Declared and not imported is left out: servers, drivers and plugins are used by name.
IGNORED = "DEP002,DEP004"


@dataclass(frozen=True, slots=True)
class Issue:
    """One undeclared import."""

    path: str
    line: int
    module: str
    code: str


def start(root: Path, packages: list[str], without: Iterable[str] = ()) -> Tool[list[Issue]]:
    """Start deptry on a workspace, but for some of its files."""
    folders = [name for name in FOLDERS if (root / name).is_dir()] or ["."]
    descriptor, name = tempfile.mkstemp(suffix=".json")
    output = Path(name)
    first_party = [word for package in (*packages, "tests", "migrations") for word in ("--known-first-party", package)]
    arguments = [*folders, "--ignore", IGNORED, "--json-output", name, "--no-ansi", *first_party]

    arguments += [word for path in without for word in ("--extend-exclude", f"{re.escape(path)}$")]

    def read(_: str) -> list[Issue]:
        try:
            return parse(output.read_text(encoding="utf-8"))
        finally:
            output.unlink(missing_ok=True)

    os.close(descriptor)
    return Tool("deptry", arguments, root, read)


def surroundings(root: Path) -> str:
    """Return what changes when a package is installed or removed, or a folder of our own comes or goes."""
    with os.scandir(root) as entries:
        ours = sorted(
            each.name for each in entries if each.name[:1] not in "._" and (each.is_dir() or ".py" in each.name)
        )
    return digest("\n".join([*installed(), *ours]).encode())


def parse(text: str) -> list[Issue]:
    """Return the issues in deptry's JSON."""
    return [
        Issue(each["location"]["file"], each["location"]["line"] or 0, each["module"], each["error"]["code"])
        for each in json.loads(text)
    ]
