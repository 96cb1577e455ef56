"""OpenAPI 3.1 documents: what a client of the old one can no longer rely on in the new one, and their canonical form.

A change breaks if a request that was right is refused, or an answer lacks what was promised. What may be added freely:
operations, optional parameters and request fields, fields of answers, new statuses of errors.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]
DEEPEST = 12  # schemas in schemas; a recursive one is compared that far
VERBS = ("get", "put", "post", "delete", "patch", "head", "options", "trace")


def canonical(document: Json) -> str:
    """Return the text that is committed: sorted keys, one indent, a newline at the end."""
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    """Yield method, path and operation object."""
    for path, methods in document.get("paths", {}).items():
        for method in VERBS:
            if method in methods:
                yield method, path, methods[method]


def breaking(old: Json, new: Json) -> Iterator[tuple[str, str, str]]:
    """Yield `(method, path, what)` of each change that breaks clients of `old`."""
    now = {(method, path): operation for method, path, operation in operations(new)}
    for method, path, operation in operations(old):
        after = now.get((method, path))
        if after is None:
            yield method, path, "is gone"
            continue
        comparison = Comparison(old, new)
        for what in (
            *comparison.parameters(operation, after),
            *comparison.body(operation, after),
            *comparison.answers(operation, after),
        ):
            yield method, path, what


class Comparison:
    """Compares parts of two documents, following `$ref` in each."""

    def __init__(self, old: Json, new: Json) -> None:
        self._old = old
        self._new = new

    def parameters(self, old: Json, new: Json) -> Iterator[str]:
        """Yield what breaks in query, path and header parameters."""
        before = {(p["in"], p["name"]): p for p in old.get("parameters", [])}
        for parameter in new.get("parameters", []):
            place, name = parameter["in"], parameter["name"]
            known = before.pop((place, name), None)
            if known is None:
                if parameter.get("required"):
                    yield f"the {place} parameter {name} is new and required"
                continue
            if parameter.get("required") and not known.get("required"):
                yield f"the {place} parameter {name} has become required"
            yield from self.request(known.get("schema", {}), parameter.get("schema", {}), f"{place} parameter {name}")
        yield from (f"the {place} parameter {name} is gone" for place, name in before if place != "query")

    def body(self, old: Json, new: Json) -> Iterator[str]:
        """Yield what breaks in the request body."""
        before, after = json_schema(old.get("requestBody")), json_schema(new.get("requestBody"))
        if after is None:
            return
        if before is None:
            if new["requestBody"].get("required"):
                yield "a body is now required"
            return
        yield from self.request(before, after, "body")

    def answers(self, old: Json, new: Json) -> Iterator[str]:
        """Yield what breaks in the good answers."""
        for status, answer in old.get("responses", {}).items():
            if not status.startswith("2"):
                continue
            after = new.get("responses", {}).get(status)
            if after is None:
                yield f"no longer answers {status}"
                continue
            before, now = json_schema(answer), json_schema(after)
            if before is not None:
                yield from self.answer(before, now or {}, f"answer {status}")

    def request(self, old: Json, new: Json, where: str, depth: int = 0) -> Iterator[str]:
        """Yield what a client may no longer send."""
        old, new = resolved(self._old, old), resolved(self._new, new)
        if depth > DEEPEST:
            return
        lost = kinds(self._old, old) - kinds(self._new, new)
        if lost and kinds(self._new, new):
            yield f"{where} takes no {' or '.join(sorted(lost))} any more"
        yield from (f"{where} {what}" for what in narrower(old, new))
        before, after = old.get("properties", {}), new.get("properties", {})
        for name in sorted(set(new.get("required", [])) - set(old.get("required", []))):
            yield f"{where}.{name} is {'now' if name in before else 'new and'} required"
        for name in sorted(before):
            if name in after:
                yield from self.request(before[name], after[name], f"{where}.{name}", depth + 1)
            elif new.get("additionalProperties") is False:
                yield f"{where}.{name} is refused now"
        if "items" in old and "items" in new:
            yield from self.request(old["items"], new["items"], f"{where}[]", depth + 1)

    def answer(self, old: Json, new: Json, where: str, depth: int = 0) -> Iterator[str]:
        """Yield what a client can no longer rely on in an answer."""
        old, new = resolved(self._old, old), resolved(self._new, new)
        if depth > DEEPEST:
            return
        gained = kinds(self._new, new) - kinds(self._old, old)
        if gained and kinds(self._old, old):
            yield f"{where} may now be {' or '.join(sorted(gained))}"
        before, after = old.get("properties", {}), new.get("properties", {})
        for name in sorted(before):
            if name not in after:
                yield f"{where}.{name} is gone"
                continue
            if name in old.get("required", []) and name not in new.get("required", []):
                yield f"{where}.{name} may now be absent"
            yield from self.answer(before[name], after[name], f"{where}.{name}", depth + 1)
        if "items" in old and "items" in new:
            yield from self.answer(old["items"], new["items"], f"{where}[]", depth + 1)


def narrower(old: Json, new: Json) -> Iterator[str]:
    """Yield which limits of a value have become tighter."""
    if "enum" in new and {str(each) for each in old.get("enum") or new["enum"]} - {str(each) for each in new["enum"]}:
        yield "takes fewer values"
    for limit, sign in (("maxLength", -1), ("maximum", -1), ("maxItems", -1), ("minLength", 1), ("minimum", 1)):
        if limit in new and is_limited(old, limit) and (limit not in old or (new[limit] - old[limit]) * sign > 0):
            yield f"has a narrower {limit}"


def json_schema(part: Json | None) -> Json | None:
    """Return the schema of the JSON in a body or an answer; None where there is none."""
    schema: Json | None = (part or {}).get("content", {}).get("application/json", {}).get("schema")
    return schema


def resolved(document: Json, schema: Json) -> Json:
    """Return a schema with its reference followed."""
    for _ in range(DEEPEST):
        if "$ref" not in schema:
            break
        target: Any = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            target = target.get(part, {})
        schema = target
    return schema


def kinds(document: Json, schema: Json) -> set[str]:
    """Return the JSON types that a schema allows; none for one that allows all. Formats count as types of their own."""
    schema = resolved(document, schema)
    found: set[str] = set()
    for each in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        found |= kinds(document, each)
    declared = schema.get("type", [])
    for name in [declared] if isinstance(declared, str) else declared:
        found.add(f"{name} ({schema['format']})" if name == "string" and "format" in schema else name)
    if "number" in found:
        found.add("integer")
    return found


def is_limited(schema: Json, limit: str) -> bool:
    """Whether a limit of this kind says anything about a schema's type."""
    wanted = {"Length": "string", "imum": "number integer", "Items": "array"}
    return any(limit.endswith(end) and str(schema.get("type")) in types for end, types in wanted.items())
