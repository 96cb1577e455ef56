"""JSON Schema 2020-12 as OpenAPI 3.1 uses it: what one schema allows that another does not.

A schema is taken for a set of alternatives, each of one type: `$ref` is followed, `allOf` merged, `anyOf`, `oneOf`,
lists of types and `nullable` told apart. In a request the new schema must take all that the old one took; in an
answer it may give only what the old one promised. What cannot be compared (a pattern, `not`) must be the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from checks.limits import wider

Json = dict[str, Any]
Complaint = tuple[str, str]  # where below the schema, and what
DEEPEST = 40  # references in references, and alternatives in alternatives
ANYTHING = "anything"
SUBSCHEMAS = ("anyOf", "oneOf")


class Compatibility:
    """Compares schemas of two documents in one direction: `request`, or else what is answered."""

    def __init__(self, old: Json, new: Json, *, request: bool) -> None:
        self._documents = (old, new)
        self._request = request
        self._known: dict[tuple[int, int], list[Complaint]] = {}
        self._kept: list[Any] = []  # so that no id is given twice
        self._depth = 0

    def complaints(self, old: Any, new: Any) -> list[Complaint]:
        """Return what breaks, each once."""
        key = (id(old), id(new))
        if key not in self._known and self._depth < DEEPEST:
            self._known[key] = []  # a schema that holds itself breaks nothing by that
            self._kept += [old, new]
            self._depth += 1
            before = alternatives(self._documents[0], old)
            after = alternatives(self._documents[1], new)
            found = self._taken(before, after) if self._request else self._given(before, after)
            self._known[key] = list(dict.fromkeys(found))
            self._depth -= 1
        return self._known.get(key, [])

    def _taken(self, before: list[Json], after: list[Json]) -> Iterator[Complaint]:
        """Yield what is no longer taken: each old alternative needs a new one that holds it."""
        for old, new in paired(before, after, lambda one, other: self._of_one_kind(one, other)):
            if new is None:
                yield "", f"takes no {name_of(old)} any more"
            else:
                yield from self._of_one_kind(old, new)

    def _given(self, before: list[Json], after: list[Json]) -> Iterator[Complaint]:
        """Yield what may now be given: each new alternative needs an old one that holds it."""
        for new, old in paired(after, before, lambda one, other: self._of_one_kind(other, one)):
            if old is None:
                yield "", f"may now be {name_of(new)}"
            else:
                yield from self._of_one_kind(old, new)

    def _of_one_kind(self, old: Json, new: Json) -> list[Complaint]:
        found: list[Complaint] = [("", what) for what in limits(old, new, request=self._request)]
        found += self._fields(old, new)
        found += self._further(old, new)
        found += self._items(old, new)
        return found

    def _fields(self, old: Json, new: Json) -> Iterator[Complaint]:
        """Yield what breaks in named fields."""
        before, after = old.get("properties", {}), new.get("properties", {})
        was, now = set(old.get("required", ())), set(new.get("required", ()))
        if self._request:
            for name in sorted(now - was):
                yield f".{name}", f"is {'now' if name in before else 'new and'} required"
        for name in sorted(before):
            if name in after:
                if not self._request and name in was - now:
                    yield f".{name}", "may now be absent"
                yield from ((f".{name}{where}", what) for where, what in self.complaints(before[name], after[name]))
            elif not is_deprecated(before[name]):
                yield from ((f".{name}{where}", what) for where, what in self._lost(before[name], new))

    def _lost(self, field: Any, new: Json) -> list[Complaint]:
        """Return what a field that is named no more breaks."""
        if not self._request:
            return [("", "is gone")]
        further = new.get("additionalProperties", True)
        if further is False:
            return [("", "is refused now")]
        return self.complaints(field, further) if isinstance(further, dict) else []

    def _further(self, old: Json, new: Json) -> Iterator[Complaint]:
        """Yield what breaks in fields without a name. Those that an answer gives besides are nobody's promise."""
        if not {kind(old), kind(new)} & {"object", ANYTHING}:
            return
        before, after = old.get("additionalProperties", True), new.get("additionalProperties", True)
        if before is False or (after is False and not self._request):
            return
        if after is False:
            yield "", "takes no further fields any more"
        else:
            yield from ((f".*{where}", what) for where, what in self.complaints(before, after))

    def _items(self, old: Json, new: Json) -> Iterator[Complaint]:
        """Yield what breaks in the items of a list."""
        before, after = old.get("prefixItems", []), new.get("prefixItems", [])
        for number in range(max(len(before), len(after))):
            pair = [
                every[number] if number < len(every) else schema.get("items", True)
                for every, schema in ((before, old), (after, new))
            ]
            yield from ((f"[{number}]{where}", what) for where, what in self.complaints(*pair))
        if ("items" in old or "items" in new) and kind(old) == kind(new) == "array":
            found = self.complaints(old.get("items", True), new.get("items", True))
            yield from ((f"[]{where}", what) for where, what in found)


def paired(ones: list[Json], others: list[Json], judge: Any) -> Iterator[tuple[Json, Json | None]]:
    """Yield each of `ones` with the one of `others` that holds it with the fewest complaints; None where none can."""
    left = list(others)
    rest = []
    for one in ones:
        fits = next((other for other in others if holds(other, one) and not judge(one, other)), None)
        if fits is None:
            rest.append(one)
            continue
        left = [other for other in left if other is not fits]
        yield one, fits
    for one in rest:
        # Whoever has its match already is another's: what is compared with it would only confuse.
        candidates = [other for other in left if holds(other, one)]
        yield one, min(candidates, key=lambda other: len(judge(one, other)), default=None)


def alternatives(document: Json, schema: Any, depth: int = 0) -> list[Json]:
    """Return the schemas of one type each that a schema is the union of."""
    if schema is True or depth > DEEPEST:
        return [{}]
    if not isinstance(schema, dict):
        return []
    whole = flat(document, schema)
    own = {key: value for key, value in whole.items() if key not in (*SUBSCHEMAS, "nullable")}
    branches = [each for key in SUBSCHEMAS for each in whole.get(key, ())]
    found = [
        merged(own, each) if own else each
        for branch in branches
        for each in alternatives(document, branch, depth + 1)
        if kind(own) == ANYTHING or holds(own, each) or holds(each, own)
    ]
    if not branches:
        types = own.get("type")
        found = [own | {"type": each} for each in types] if isinstance(types, list) else [own]
    if whole.get("nullable"):
        found.append({"type": "null"})
    return united([typed(each) for each in found])


def typed(schema: Json) -> Json:
    """Return a schema whose `const` is an `enum`, with the type of its values where it names none."""
    if "const" in schema:
        schema = {**{key: value for key, value in schema.items() if key != "const"}, "enum": [schema["const"]]}
    values = schema.get("enum")
    if "type" not in schema and values and all(isinstance(each, str) for each in values):
        schema = schema | {"type": "string"}
    return schema


def united(found: list[Json]) -> list[Json]:
    """Return alternatives with those that list values of one type as one list."""
    lists: dict[str, Json] = {}
    rest = []
    for each in found:
        if "enum" not in each:
            rest.append(each)
        elif kind(each) in lists:
            one = lists[kind(each)]
            one["enum"] = [*one["enum"], *(value for value in each["enum"] if value not in one["enum"])]
        else:
            lists[kind(each)] = dict(each)
    return [*rest, *lists.values()]


def flat(document: Json, schema: Json, depth: int = 0) -> Json:
    """Return a schema with its reference followed and `allOf` merged into it."""
    parts = []
    if "$ref" in schema:
        parts.append(target(document, schema["$ref"]))
    parts += schema.get("allOf", ())
    own = {key: value for key, value in schema.items() if key not in ("$ref", "allOf")}
    if not parts or depth > DEEPEST:
        return own
    for part in parts:
        if isinstance(part, dict):
            own = merged(flat(document, part, depth + 1), own)
    return own


def target(document: Json, reference: str) -> Any:
    """Return what a reference of a document leads to; anything where it leads nowhere."""
    found: Any = document
    for part in reference.removeprefix("#/").split("/"):
        found = found.get(part.replace("~1", "/").replace("~0", "~"), {}) if isinstance(found, dict) else {}
    return found


def merged(one: Json, other: Json) -> Json:
    """Return the schema of what both allow."""
    result = {**one, **other}
    for name in ("properties", "patternProperties"):
        if name in one and name in other:
            both = one[name].keys() & other[name].keys()
            result[name] = {**one[name], **other[name]}
            result[name] |= {each: {"allOf": [one[name][each], other[name][each]]} for each in both}
    if "required" in one or "required" in other:
        result["required"] = [*dict.fromkeys([*one.get("required", ()), *other.get("required", ())])]
    if "enum" in one and "enum" in other:
        result["enum"] = [value for value in one["enum"] if value in other["enum"]]
    for name, tighter in (("max", min), ("min", max)):
        for key in (f"{name}Length", f"{name}imum", f"{name}Items", f"{name}Properties"):
            if key in one and key in other:
                result[key] = tighter(one[key], other[key])
    return result


def kind(schema: Json) -> str:
    """Return the type of an alternative."""
    declared = schema.get("type", ANYTHING)
    return declared if isinstance(declared, str) else ANYTHING


def holds(outer: Json, inner: Json) -> bool:
    """Whether values of one type are of another: a number may be an integer, a string of any form one of a format."""
    outer_kind, inner_kind = kind(outer), kind(inner)
    if outer_kind == ANYTHING:
        return True
    if outer_kind != inner_kind:
        return (outer_kind, inner_kind) == ("number", "integer")
    if outer_kind == "string":
        return not outer.get("format") or outer.get("format") == inner.get("format") or "enum" in inner
    return True


def name_of(schema: Json) -> str:
    """Return the type of an alternative for a person."""
    form = f" ({schema['format']})" if "format" in schema else ""
    return f"{kind(schema)}{form}"


def is_deprecated(schema: Any) -> bool:
    """Whether whoever uses it was told that it will go."""
    return isinstance(schema, dict) and bool(schema.get("deprecated"))


def limits(old: Json, new: Json, *, request: bool) -> Iterator[str]:
    """Yield which limits have become tighter in a request, or looser in an answer."""
    yield from wider(new, old, "has a narrower", "takes fewer values") if request else ()
    yield from () if request else wider(old, new, "has a wider", "may now be other values")
