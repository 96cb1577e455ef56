"""What a check says: findings with a tier, and the edits that would mend them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any


class Tier(StrEnum):
    """How much a finding weighs: P0 blocks, P1 blocks unless baselined, P2 counts against a budget."""

    P0 = "P0"
    P1 = "P1"
    P2 = "P2"


class Lane(StrEnum):
    """What a rule needs: files alone, the services' OpenAPI documents, their live databases, or live answers."""

    STATIC = "static"
    CONTRACT = "contract"
    DATA = "data"
    LIVE = "live"


@dataclass(frozen=True, slots=True)
class Edit:
    """Bytes `start` to `end` of a file become `text`; a file that is not there is created."""

    path: str
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Fix:
    """How to mend a finding. A safe one is applied by `--fix`; another is a suggestion to a person."""

    description: str
    edits: tuple[Edit, ...] = ()

    @property
    def safe(self) -> bool:
        """Whether `--fix` may apply it."""
        return bool(self.edits)

    def to_json(self) -> dict[str, Any]:
        """Return the form that is cached."""
        return {"description": self.description, "edits": [[e.path, e.start, e.end, e.text] for e in self.edits]}

    @classmethod
    def from_json(cls, value: dict[str, Any] | None) -> Fix | None:
        """Return the fix of `to_json`."""
        return cls(value["description"], tuple(Edit(*edit) for edit in value["edits"])) if value else None


@dataclass(frozen=True, slots=True)
class Finding:
    """One place where a rule is broken. Lines count from 1, columns from 1; 0 means the file as a whole."""

    code: str
    tier: Tier
    path: str
    line: int
    message: str
    column: int = 0
    symbol: str = ""
    fix: Fix | None = field(default=None, compare=False)
    text: str = field(default="", compare=False)

    @property
    def place(self) -> str:
        """Return `path:line` as terminals and editors link it."""
        return f"{self.path}:{self.line}" if self.line else self.path

    @property
    def fingerprint(self) -> str:
        """Return what stays the same when lines move: code, path, symbol and the line's text without its spacing."""
        normal = "".join(self.text.split())
        return hashlib.sha256("\0".join((self.code, self.path, self.symbol, normal)).encode()).hexdigest()[:16]

    def at_tier(self, tier: Tier) -> Finding:
        """Return the same finding with another weight."""
        return replace(self, tier=tier)

    def to_json(self) -> dict[str, Any]:
        """Return the public JSON of CLI.md, version 1."""
        return {
            "code": self.code,
            "tier": self.tier.value,
            "path": self.path,
            "line": self.line,
            "column": self.column,
            "message": self.message,
            "symbol": self.symbol,
            "fingerprint": self.fingerprint,
            "fix": self.fix.description if self.fix else None,
        }


class IncompleteError(Exception):
    """A rule could not look: a tool is missing, a database is down. Never silence, always exit 2."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
