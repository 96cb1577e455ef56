"""What a workspace says about its checks: `[tool.autional.check]` in pyproject.toml."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any


class ConfigError(Exception):
    """The table in pyproject.toml is not as it must be; the text says which key."""


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of the checks.

    `base` is the branch that work goes to; empty finds it. `p2_budget` is how many P2 findings are allowed.
    `exclude` are path prefixes that are not looked at. `packages` are the top-level packages of the import graph.
    `called_by_name` are functions and methods that a library finds by their name (DEB04).
    """

    base: str = ""
    p2_budget: int = 25
    exclude: list[str] = field(default_factory=list)
    called_by_name: list[str] = field(default_factory=list)
    packages: list[str] = field(default_factory=lambda: ["services", "autional_cli", "checks"])


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
    return Config(**given)
