"""Limits of values in JSON Schema: which of two schemas lets more through."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]
UPPER = ("maxLength", "maxItems", "maxProperties")
LOWER = ("minLength", "minItems", "minProperties")
# What cannot be compared, only be the same or not there at all.
OPAQUE = ("pattern", "not", "multipleOf", "contentEncoding", "contentMediaType", "propertyNames", "patternProperties")


def wider(tight: Json, loose: Json, said: str, of_values: str) -> Iterator[str]:
    """Yield where `loose` lets through what `tight` does not: the name of each limit after what is `said` of it."""
    if "enum" in tight:
        extra = [value for value in loose.get("enum", ()) if value not in tight["enum"]]
        if "enum" not in loose or extra:
            yield f"{of_values}{': ' + ', '.join(str(each) for each in extra) if extra else ''}"
        return  # each value is listed, so no limit says more
    if "enum" in loose:
        return
    for names, sign in ((UPPER, 1), (LOWER, -1)):
        for name in names:
            says = name in tight and (sign > 0 or tight[name] > 0)  # at least nothing is no limit
            if says and (name not in loose or (loose[name] - tight[name]) * sign > 0):
                yield f"{said} {name}"
    for name, sign in (("maximum", 1), ("minimum", -1)):
        tight_at, loose_at = bound(tight, name, sign), bound(loose, name, sign)
        if tight_at is not None and (loose_at is None or loose_at > tight_at):
            yield f"{said} {name}"
    if tight.get("uniqueItems") and not loose.get("uniqueItems"):
        yield f"{said} uniqueItems"
    yield from (f"{said} {name}" for name in OPAQUE if name in tight and tight[name] != loose.get(name))


def bound(schema: Json, name: str, sign: int) -> tuple[float, bool] | None:
    """Return how far a number may go, and whether as far as that: larger is wider; None for no bound."""
    found = []
    exclusive = schema.get(f"exclusive{name.capitalize()}")
    if isinstance(exclusive, int | float) and not isinstance(exclusive, bool):
        step = 1 if schema.get("type") == "integer" else 0  # below 10 is at most 9
        found.append((exclusive * sign - step, bool(step)))
    if name in schema:
        found.append((schema[name] * sign, exclusive is not True))
    return min(found, default=None)
