"""Words of debt in files of every kind: where a comment, a docstring or a document says that something is left to do.

In comments the word in capitals counts wherever it stands; in prose, and in small letters, where it speaks as a marker:
before a colon or a bracket, or first on its line. What stands in quotes or backticks is spoken about.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from checks.sources import Source

ANY = re.compile(rb"(?i)todo|fixme|xxx|hack")
WORD = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b")
NAME = r"(?:TODO|FIXME|XXX|HACK)"
CALLED = re.compile(rf"(?<![\w.$/-])(?:(?i:{NAME})(?::(?=\s|$)|\s?\([^)]*\)\s?:)|{NAME}\s?[:(])")
LEAD = r"^[\s>*+\-#/|.@;!]*(?:\[[ x]\]\s*)?"
FIRST = re.compile(rf"{LEAD}(?:{NAME}\b|(?i:todo|fixme)(?:(?=\s+[A-Za-z])|:(?![:/])))")
# `todo list` and the like name a thing that a person uses.
THING = re.compile(
    r"(?i)^[\W]*todo[ -](?:lists?|items?|apps?|entr(?:y|ies)|tables?|services?|tasks?|pages?|is|are|was)\b"
)
QUOTED = re.compile(r"`[^`\n]*`|\"[^\"\n]*\"|“[^”\n]*”")
FENCE = re.compile(r"^\s*(```|~~~)")
HASH = frozenset({".yaml", ".yml", ".toml", ".sh", ".cfg", ".ini", ".env", ""})
SLASHES = frozenset({".proto", ".js", ".css"})


def markers(source: Source) -> list[tuple[int, str]]:
    """Return line and text of each marker of a file."""
    if not ANY.search(source.data):
        return []
    return sorted({(line, text.strip()) for line, text, prose in spoken(source) if is_marker(text, prose=prose)})


def is_marker(text: str, *, prose: bool) -> bool:
    """Whether a line of a comment or of prose says that something is left to do."""
    bare = QUOTED.sub(" ", text)
    if CALLED.search(bare) or (FIRST.match(bare) and not THING.match(bare)):
        return True
    return not prose and bool(WORD.search(bare))


def spoken(source: Source) -> Iterator[tuple[int, str, bool]]:
    """Yield `(line, text, prose)` of what a file says to its readers."""
    suffix = source.suffix
    if suffix in (".py", ".pyi"):
        yield from python(source)
    elif suffix == ".md":
        yield from markdown(source.lines)
    elif suffix == ".txt":
        yield from ((number, line, True) for number, line in enumerate(source.lines, 1))
    elif suffix == ".html":
        yield from block(source.text, "<!--", "-->")
    elif suffix == ".sql":
        yield from (*after(source.lines, "--"), *block(source.text, "/*", "*/"))
    elif suffix in SLASHES:
        yield from (*after(source.lines, "//"), *block(source.text, "/*", "*/"))
    elif suffix in HASH:
        yield from after(source.lines, "#")


def python(source: Source) -> Iterator[tuple[int, str, bool]]:
    """Yield comments and the lines of docstrings."""
    try:
        for token in tokenize.generate_tokens(io.StringIO(source.text).readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.string, False
        tree = ast.parse(source.data)
    except (tokenize.TokenError, SyntaxError, ValueError, RecursionError, MemoryError):  # CHK01 reports the file
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.body:
            first = node.body[0]
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                for offset, line in enumerate(first.value.value.split("\n")):
                    yield first.lineno + offset, line, True


def markdown(lines: list[str]) -> Iterator[tuple[int, str, bool]]:
    """Yield the lines of a document that are no code."""
    fence = ""
    for number, line in enumerate(lines, 1):
        found = FENCE.match(line)
        if found and (not fence or found[1] == fence):
            fence = "" if fence else found[1]
        elif not fence and not line.startswith("    "):
            yield number, line, True


def after(lines: list[str], mark: str) -> Iterator[tuple[int, str, bool]]:
    """Yield what follows a mark, where it begins a line or comes after a space: elsewhere it is part of a value."""
    for number, line in enumerate(lines, 1):
        at = 0 if line.startswith(mark) else line.find(f" {mark}") + 1 or line.find(f"\t{mark}") + 1 or -1
        if at >= 0:
            yield number, line[at:], False


def block(text: str, begin: str, end: str) -> Iterator[tuple[int, str, bool]]:
    """Yield the lines between two marks."""
    at = text.find(begin)
    while at >= 0:
        stop = text.find(end, at)
        stop = len(text) if stop < 0 else stop
        first = text.count("\n", 0, at) + 1
        for offset, line in enumerate(text[at + len(begin) : stop].split("\n")):
            yield first + offset, line, False
        at = text.find(begin, max(stop, at + len(begin)))
