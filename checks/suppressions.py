"""Suppressions: `autional: ignore[CON01] reason="…" until=2027-01-31` in a comment, with a reason and a last day.

The grammar is the same in Python, YAML, TOML, SQL and Markdown. On a line with code it speaks of that line; on a line
of its own, of the next line that holds something. Debt markers are parsed here too: `TODO(P1, ada, 2026-11-22): …`.
"""

from __future__ import annotations

import datetime
import io
import re
import tokenize
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.sources import Source

MARK = "autional: ignore"
LONGEST_DAYS = 180  # from today to the last day of a suppression: what takes longer is no exception
COMMENTS = {
    ".py": ("#",), ".yaml": ("#",), ".yml": ("#",), ".toml": ("#",), ".sql": ("--",), ".md": ("<!--",), ".sh": ("#",),
    ".proto": ("//",), "": ("#",),
}  # fmt: skip
GRAMMAR = re.compile(
    r"autional: ignore\[(?P<codes>[^\]]*)\]"
    r'(?:\s+reason="(?P<reason>[^"]*)")?'
    r"(?:\s+until=(?P<until>\S+))?"
)


@dataclass(frozen=True, slots=True)
class Suppression:
    """One suppression: `line` is where it stands, `target` the line it speaks of; `problem` what is wrong with it."""

    line: int
    target: int
    codes: list[str]
    reason: str
    until: str
    problem: str = ""

    def covers(self, code: str, line: int) -> bool:
        """Whether it speaks of this rule at this line."""
        return code in self.codes and line in (self.target, self.line)

    def too_long(self, today: datetime.date) -> bool:
        """Whether its last day is further ahead than one may promise."""
        last = today + datetime.timedelta(days=LONGEST_DAYS)
        return not self.problem and bool(self.until) and datetime.date.fromisoformat(self.until) > last

    def holds(self, today: datetime.date) -> bool:
        """Whether it is complete and of these days."""
        return not (self.problem or self.expired(today) or self.too_long(today))

    def expired(self, today: datetime.date) -> bool:
        """Whether its last day has passed."""
        return not self.problem and bool(self.until) and datetime.date.fromisoformat(self.until) < today


def parse(source: Source) -> list[Suppression]:
    """Return the suppressions of a file."""
    if MARK.encode() not in source.data:
        return []
    marks = COMMENTS.get(source.suffix, ())
    return [one(source, line, column, comment) for line, column, comment in comments(source, marks) if MARK in comment]


def comments(source: Source, marks: tuple[str, ...]) -> Iterator[tuple[int, int, str]]:
    """Yield `(line, column, text)` of comments. In Python only real ones: a string may speak of them as well."""
    if source.suffix == ".py":
        try:
            for token in tokenize.generate_tokens(io.StringIO(source.text).readline):
                if token.type == tokenize.COMMENT:
                    yield token.start[0], token.start[1], token.string
        except (tokenize.TokenError, SyntaxError):  # CHK01 reports the file
            return
        return
    for number, text in enumerate(source.lines, 1):
        for mark in marks:
            if mark in text:
                yield number, text.index(mark), text[text.index(mark) :]


def one(source: Source, line: int, column: int, comment: str) -> Suppression:
    """Return the suppression in a comment."""
    alone = not source.lines[line - 1][:column].strip()
    target = next_line(source, line) if alone else line
    found = GRAMMAR.search(comment)
    if not found:
        return Suppression(line, target, [], "", "", 'is not of the form autional: ignore[CODE] reason="…" until=DATE')
    codes = [code.strip().upper() for code in found["codes"].split(",") if code.strip()]
    reason, until = (found["reason"] or "").strip(), found["until"] or ""
    until = until.removesuffix("-->").strip()
    return Suppression(line, target, codes, reason, until, problem_of(codes, reason, until))


def problem_of(codes: list[str], reason: str, until: str) -> str:
    """Return what is missing in a suppression."""
    if not codes:
        return "names no rule"
    if not reason:
        return 'has no reason="…"'
    try:
        datetime.date.fromisoformat(until)
    except ValueError:
        return f"has no last day: until=YYYY-MM-DD{f', not {until}' if until else ''}"
    return ""


def next_line(source: Source, line: int) -> int:
    """Return the next line that is neither empty nor a comment."""
    for number in range(line + 1, len(source.lines) + 1):
        text = source.lines[number - 1].strip()
        if text and not text.startswith(("#", "--", "<!--", "//")):
            return number
    return line
