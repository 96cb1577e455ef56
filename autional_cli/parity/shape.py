"""What two answers must have in common although their values differ: shapes of documents, templates of paths."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?")
OPAQUE = re.compile(r"(?=.*\d)[A-Za-z0-9_-]{16,}")
ANY_LIST = "[]"


def shape(value: Any) -> Any:
    """Return a JSON value with every leaf replaced by its type; texts that are ids or times say so.

    A list becomes the shape of its elements, merged; an empty one agrees with any.
    """
    if isinstance(value, dict):
        return {str(key): shape(part) for key, part in sorted(value.items())}
    if isinstance(value, list):
        parts = sorted({repr(shape(part)): shape(part) for part in value}.items())
        return [part for _, part in parts] or ANY_LIST
    if isinstance(value, bool) or value is None:
        return "null" if value is None else "boolean"
    if isinstance(value, int):
        return "integer"
    return "number" if isinstance(value, float) else kind_of(str(value))


def kind_of(text: str) -> str:
    """Return what kind of text this is; of a time also how it says its zone, since drivers differ there."""
    if UUID.fullmatch(text):
        return "uuid"
    if found := TIME.fullmatch(text):
        return f"time with {found[2] or 'no zone'}"
    return "empty text" if not text else "text"


def agree(one: Any, other: Any) -> bool:
    """Whether two shapes are the same, an empty list being like any other."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(agree(one[key], other[key]) for key in one)
    if ANY_LIST in (one if isinstance(one, str) else "", other if isinstance(other, str) else ""):
        return isinstance(one, list) or isinstance(other, list) or one == other
    return bool(one == other)


def template(path: str) -> str:
    """Return a path without what is different each time: ids, cursors and the values of its query."""
    parts = urlsplit(path)
    folders = ["{id}" if UUID.fullmatch(part) or OPAQUE.fullmatch(part) else part for part in parts.path.split("/")]
    names = sorted(pair.partition("=")[0] for pair in parts.query.split("&") if pair)
    return "/".join(folders) + (f"?{'&'.join(names)}" if names else "")
