"""The baseline: P1 findings that were there before their rule, one sorted entry a line, each with its reason.

It shrinks by itself: an entry that no longer fits is removed by the next whole run. It grows only with a reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from checks.model import Finding

PLACE = "checks/baseline.txt"
HEAD = (
    "# Findings that were there before their rule; `autional check --baseline` writes this file. One a line, sorted.\n"
)


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """One accepted finding."""

    code: str
    path: str
    fingerprint: str
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.code} {self.path} {self.fingerprint} {self.reason}".rstrip()

    @classmethod
    def parse(cls, line: str) -> Entry:
        """Return the entry of one line."""
        parts = line.split(None, 3) + [""] * 4
        return cls(parts[0], parts[1], parts[2], parts[3])


class Baseline:
    """The accepted findings of a workspace."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self.entries = sorted(set(entries))
        self._keys = {(entry.code, entry.path, entry.fingerprint) for entry in self.entries}

    @classmethod
    def load(cls, root: Path) -> Baseline:
        """Return the baseline of a workspace; empty when there is none."""
        path = root / PLACE
        return cls.parse(path.read_text(encoding="utf-8")) if path.is_file() else cls()

    @classmethod
    def parse(cls, text: str) -> Baseline:
        """Return the baseline in a text."""
        lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
        return cls(Entry.parse(line) for line in lines)

    def holds(self, finding: Finding) -> bool:
        """Whether a finding is accepted."""
        return (finding.code, finding.path, finding.fingerprint) in self._keys

    def grown(self, findings: Iterable[Finding], reason: str) -> Baseline:
        """Return it with more findings, each with the reason."""
        new = [Entry(one.code, one.path, one.fingerprint, reason) for one in findings if not self.holds(one)]
        return Baseline([*self.entries, *new])

    def shrunk(self, still: Iterable[Finding], looked: Iterable[str]) -> Baseline:
        """Return it without the entries of rules that looked and no longer find them."""
        found = {(one.code, one.path, one.fingerprint) for one in still}
        codes = set(looked)
        return Baseline(e for e in self.entries if e.code not in codes or (e.code, e.path, e.fingerprint) in found)

    def save(self, root: Path) -> None:
        """Write it; an empty one is no file."""
        path = root / PLACE
        if not self.entries:
            path.unlink(missing_ok=True)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(HEAD + "".join(f"{entry}\n" for entry in self.entries), encoding="utf-8")
