"""What two statements, or two addresses, have in common when their values are left out."""

from __future__ import annotations

import json
import re
from typing import Any

LONGEST = 20_000  # characters that are looked at
# In the order in which they are tried. Double quotes are names in standard SQL, and text in MySQL and elsewhere.
TOKEN = re.compile(
    r"""
    (?P<comment> --[^\n]* | /\*.*?(?:\*/|\Z) )
  | (?P<text>    (?:\b[ebnxu]&?)?'(?:[^'\\]|\\.|'')*(?:'|\Z) | \$(?P<tag>[a-z_]\w*|)\$.*?(?:\$(?P=tag)\$|\Z) )
  | (?P<name>    "(?:[^"]|"")*" | `[^`]*` | \[[a-z_][^\]\n]*\] )
  | (?P<mark>    \$\d+ | \?\d* | %s | %\(\w+\)s | (?<![:\w]):[a-z_]\w* | @\w+ )
  | (?P<number>  (?<![\w.])[-+]?(?:0x[0-9a-f]+|(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)\b )
  | (?P<space>   \s+ )
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
LIST = re.compile(r"\(\s*\?(?:\s*,\s*\?)*\s*\)")
ROWS = re.compile(r"\(\?\)(?:\s*,\s*\(\?\))+")
SPACED = re.compile(r"\s*([(),=<>;*/+])\s*")
DOUBLE_QUOTED_TEXT = frozenset({"mysql", "mariadb", "sqlite", "clickhouse", "spanner", "gcp.spanner"})
IDENTIFIER = re.compile(
    r"\d+|[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}|(?=.*\d)[0-9a-f]{6,}|(?=.*\d)[\w.~=-]{16,}|[^@]+@[^@]+",
    re.IGNORECASE,
)


def normalise_statement(text: str, system: str) -> str:
    """Return a statement of any database without its values: equal for the same query with other values."""
    text, system = text[:LONGEST].strip(), system.lower()
    if system in ("redis", "valkey", "memcached"):
        return " ".join(text.split(maxsplit=1)[:1]).upper() + " ?"
    if text.startswith(("{", "[")) and (document := read_document(text)) is not None:
        return json.dumps(shape(document, is_command=True), sort_keys=True)
    return normalise_sql(text, double_quoted_text=system in DOUBLE_QUOTED_TEXT)


def normalise_sql(text: str, *, double_quoted_text: bool) -> str:
    """Return SQL in lower case without comments and superfluous spaces, values and lists of them as `?`."""

    def replace(found: re.Match[str]) -> str:
        if found["comment"] or found["space"]:
            return " "
        if found["name"]:
            is_text = double_quoted_text and found["name"].startswith('"')
            return "?" if is_text else found["name"]
        return "?"

    plain = SPACED.sub(r"\1", TOKEN.sub(replace, text)).strip(" ;").lower()
    plain = " ".join(plain.split())
    return ROWS.sub("(?)", LIST.sub("(?)", plain))


def read_document(text: str) -> Any:
    """Read a command that is written as JSON; None when it is not."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def shape(value: Any, *, is_command: bool = False) -> Any:
    """Return a document with `?` for its values; the names of its fields stay, and what a command is about: its first.

    Source: https://www.mongodb.com/docs/manual/reference/command/.
    """
    if isinstance(value, dict):
        subject = next(iter(value), None) if is_command else None
        return {key: item if key == subject and isinstance(item, str) else shape(item) for key, item in value.items()}
    if isinstance(value, list):
        shapes = {json.dumps(shape(item), sort_keys=True) for item in value}
        return [json.loads(each) for each in sorted(shapes)]
    return "?"


def normalise_path(path: str) -> str:
    """Return a path with `{id}` for the segments that name one thing among many, and the names of its parameters."""
    path, _, query = path.partition("#")[0].partition("?")
    segments = ["{id}" if IDENTIFIER.fullmatch(segment) else segment for segment in path.split("/")]
    names = sorted({pair.partition("=")[0] for pair in query.split("&") if pair})
    return "/".join(segments) + (f"?{'&'.join(names)}" if names else "")
