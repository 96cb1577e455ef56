"""What a workspace says about its checks: `[tool.autional.check]` in pyproject.toml."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

# Folders whose files are run or decide what runs: no setting keeps P0 rules from them.
RUNS = ("services", "migrations", "stacks")
BRANCH = re.compile(r"(?!HEAD\b)[\w][\w./-]*")


class ConfigError(Exception):
    """The table in pyproject.toml is not as it must be; the text says which key."""


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of the checks.

    `base` is the branch that work goes to; empty finds it. `p2_budget` is how many P2 findings are allowed.
    `exclude` are path prefixes that are not looked at; in code that runs, P0 rules look all the same. `packages` are
    the top-level packages of the import graph, besides `services`.
    `called_by_name` are functions and methods that a library finds by their name (DEB04).
    """

    base: str = ""
    p2_budget: int = 25
    exclude: list[str] = field(default_factory=list)
    called_by_name: list[str] = field(default_factory=list)
    packages: list[str] = field(default_factory=lambda: ["services", "autional_cli", "checks"])

    def excludes(self, path: str) -> bool:
        """Whether a path lies below one of `exclude`."""
        return any(path.startswith(prefix) for prefix in self.exclude)

    def leaves_out(self, path: str) -> bool:
        """Whether nothing of a path is looked at: it is excluded, and no code that runs."""
        return self.excludes(path) and not path.startswith(tuple(f"{each}/" for each in (*self.packages, *RUNS)))


def load(root: Path) -> Config:
    """Return the settings of a workspace. ConfigError for an unknown key or a value of the wrong type."""
    path = root / "pyproject.toml"
    if not path.is_file():
        return Config()
    try:
        table: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as failure:
        raise ConfigError(f"pyproject.toml: {failure}") from None
    given = table.get("tool", {}).get("autional", {}).get("check", {})
    known = {one.name: type(getattr(Config(), one.name)) for one in fields(Config)}
    for key, value in given.items():
        if key not in known:
            raise ConfigError(f"pyproject.toml: [tool.autional.check] has no key {key!r}; known: {', '.join(known)}")
        if not isinstance(value, known[key]):
            raise ConfigError(f"pyproject.toml: [tool.autional.check] {key} must be a {known[key].__name__}")
        if isinstance(value, list) and not all(isinstance(each, str) for each in value):
            raise ConfigError(f"pyproject.toml: [tool.autional.check] {key} must be a list of texts")
    if given.get("base") and not BRANCH.fullmatch(given["base"]):
        raise ConfigError(f"pyproject.toml: [tool.autional.check] base must be a branch, not {given['base']!r}")
    packages = {"packages": sorted({"services", *given["packages"]})} if "packages" in given else {}
    return Config(**given | packages)
