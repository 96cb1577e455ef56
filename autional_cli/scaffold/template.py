"""Templates: text with `$name` placeholders (string.Template) and lines that are there under a condition.

A line `@if name`, `@if not name`, `@else` or `@end` opens, turns or closes a condition; conditions nest.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from string import Template

FOLDER = Path(__file__).with_name("templates")


def render(name: str, values: Mapping[str, object]) -> str:
    """Return template `name` (such as `postgres/store.py`) filled in. Raises KeyError for a value it lacks."""
    return fill((FOLDER / f"{name}.tmpl").read_text(encoding="utf-8"), values)


def fill(text: str, values: Mapping[str, object]) -> str:
    """Return `text` with its conditions decided and its placeholders filled in."""
    return Template("".join(kept(text, values))).substitute(values)


def kept(text: str, values: Mapping[str, object]) -> list[str]:
    """Return the lines whose conditions hold. Raises ValueError for conditions that are not closed."""
    lines: list[str] = []
    conditions: list[bool] = []
    for line in text.splitlines(keepends=True):
        words = line.split()
        if line.startswith("@if "):
            conditions.append(bool(values[words[-1]]) != (words[1] == "not"))
        elif line.startswith("@else"):
            conditions.append(not conditions.pop())
        elif line.startswith("@end"):
            conditions.pop()
        elif all(conditions):
            lines.append(line)
    if conditions:
        raise ValueError("a condition is not closed")
    return lines
