"""OpenAPI 3.1 documents: what a client of the old one can no longer rely on in the new one, and their canonical form.

A change breaks if a request that was right is refused or not heeded, or an answer is not what was promised. What may be
added freely: operations, optional parameters and request fields, fields of answers, statuses of errors, media types.
What was `deprecated` may go.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from checks.schemas import Compatibility, flat, is_deprecated

Json = dict[str, Any]
PLACEHOLDER = re.compile(r"\{[^}]*\}")
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


def whole(document: Json) -> Iterator[tuple[str, str, Json]]:
    """Yield the same, each operation with the parameters of its path, and what the document says of security."""
    for method, path, operation in operations(document):
        shared = document["paths"][path].get("parameters", [])
        security = operation.get("security", document.get("security", []))
        yield (
            method,
            path,
            {**operation, "parameters": [*shared, *operation.get("parameters", [])], "security": security},
        )


def breaking(old: Json, new: Json) -> Iterator[tuple[str, str, str]]:
    """Yield `(method, path, what)` of each change that breaks clients of `old`; a path's names do not matter."""
    now = {(method, PLACEHOLDER.sub("{}", path)): (path, operation) for method, path, operation in whole(new)}
    comparison = Comparison(old, new)
    for method, path, operation in whole(old):
        after = now.get((method, PLACEHOLDER.sub("{}", path)))
        if after is None:
            if not is_deprecated(operation):
                yield method, path, "is gone"
            continue
        renamed = dict(zip(PLACEHOLDER.findall(after[0]), PLACEHOLDER.findall(path), strict=True))
        for what in dict.fromkeys(comparison.operation(operation, after[1], renamed)):
            yield method, after[0], what


class Comparison:
    """Compares the operations of two documents."""

    def __init__(self, old: Json, new: Json) -> None:
        self._old = old
        self._new = new
        self._request = Compatibility(old, new, request=True)
        self._answer = Compatibility(old, new, request=False)

    def operation(self, old: Json, new: Json, renamed: dict[str, str]) -> Iterator[str]:
        """Yield what breaks in one operation; `renamed` are new names in its path → old ones, both in braces."""
        yield from self.parameters(old, new, renamed)
        yield from self.body(flat(self._old, old.get("requestBody", {})), flat(self._new, new.get("requestBody", {})))
        yield from self.answers(old.get("responses", {}), new.get("responses", {}))
        yield from self.security(old["security"], new["security"])

    def parameters(self, old: Json, new: Json, renamed: dict[str, str]) -> Iterator[str]:
        """Yield what breaks in query, path, header and cookie parameters."""
        before = {key_of(each): each for each in (flat(self._old, each) for each in old["parameters"])}
        for parameter in (flat(self._new, each) for each in new["parameters"]):
            place, name = key_of(parameter)
            name = renamed.get(f"{{{name}}}", f"{{{name}}}")[1:-1] if place == "path" else name
            known, where = before.pop((place, name), None), f"the {place} parameter {name}"
            if known is None:
                if parameter.get("required"):
                    yield f"{where} is new and required"
                continue
            if parameter.get("required") and not known.get("required"):
                yield f"{where} has become required"
            if any(written(known, key) != written(parameter, key) for key in ("style", "explode")):
                yield f"{where} is written in another way"
            for below, what in self._request.complaints(schema_of(known), schema_of(parameter)):
                yield f"{where}{below} {what}"
        yield from (f"the {place} parameter {name} is gone" for (place, name), each in before.items() if counts(each))

    def body(self, old: Json, new: Json) -> Iterator[str]:
        """Yield what breaks in the request body."""
        if new.get("required") and not old.get("required"):
            yield "the body has become required" if old else "a body is now required"
        if old.get("content") and not new.get("content"):
            yield "the body is not heeded any more"
            return
        yield from self.contents(self._request, old, new, "body", "is not taken any more")

    def answers(self, old: Json, new: Json) -> Iterator[str]:
        """Yield what breaks in the answers: a good one must stay, an error may go."""
        for status, answer in old.items():
            after = next((new[each] for each in (status, f"{status[:1]}XX", "default") if each in new), None)
            if after is None:
                if status[:1] in "23":
                    yield f"no longer answers {status}"
                continue
            before, now = flat(self._old, answer), flat(self._new, after)
            yield from self.contents(self._answer, before, now, f"answer {status}", "is not given any more")
            yield from self.headers(before.get("headers", {}), now.get("headers", {}), status)

    def headers(self, old: Json, new: Json, status: str) -> Iterator[str]:
        """Yield what breaks in the headers of an answer."""
        now = {name.lower(): flat(self._new, each) for name, each in new.items()}
        for name, header in old.items():
            before, after = flat(self._old, header), now.get(name.lower())
            where = f"the header {name} of answer {status}"
            if before.get("required") and (after is None or not after.get("required")):
                yield f"{where} {'is gone' if after is None else 'may now be absent'}"
            if after is not None:
                found = self._answer.complaints(schema_of(before), schema_of(after))
                yield from (f"{where}{below} {what}" for below, what in found)

    def contents(self, direction: Compatibility, old: Json, new: Json, where: str, gone: str) -> Iterator[str]:
        """Yield what breaks in the media types of a body or an answer."""
        after = new.get("content", {})
        for kind, media in old.get("content", {}).items():
            now = next((after[each] for each in (kind, f"{kind.partition('/')[0]}/*", "*/*") if each in after), None)
            if now is None:
                yield f"{where}: {kind} {gone}"
            elif "schema" in media or "schema" in now:
                found = direction.complaints(media.get("schema", True), now.get("schema", True))
                yield from (f"{where}{below} {what}" for below, what in found)

    def security(self, old: list[Json], new: list[Json]) -> Iterator[str]:
        """Yield which ways to be let in are closed: each old one must satisfy a new one."""
        for way in old or [{}]:
            if new and not any(self.satisfies(way, each) for each in new):
                named = " and ".join(sorted(way)) or "no token"
                yield f"{named} lets nobody in any more"

    def satisfies(self, way: Json, wanted: Json) -> bool:
        """Whether who has the one has what the other wants: the same schemes, defined alike, with no more scopes."""
        old, new = (each.get("components", {}).get("securitySchemes", {}) for each in (self._old, self._new))
        same = ("type", "scheme", "in", "name")
        return all(
            name in way
            and set(scopes) <= set(way[name])
            and all(old.get(name, {}).get(key) == new.get(name, {}).get(key) for key in same)
            for name, scopes in wanted.items()
        )


def key_of(parameter: Json) -> tuple[str, str]:
    """Return what tells parameters apart; the names of headers have no case."""
    place, name = parameter.get("in", ""), parameter.get("name", "")
    return place, name.lower() if place == "header" else name


def counts(parameter: Json) -> bool:
    """Whether a parameter that is gone was somebody's: not deprecated, and no name in a path that may be another."""
    return not is_deprecated(parameter) and parameter.get("in") != "path"


def schema_of(parameter: Json) -> Any:
    """Return the schema of a parameter or header, which may be that of its content."""
    content: Json = next(iter(parameter.get("content", {}).values()), {})
    return parameter.get("schema", content.get("schema", True))


def written(parameter: Json, key: str) -> Any:
    """Return how a parameter is written, by what OpenAPI says where it does not."""
    style = parameter.get("style", "form" if parameter.get("in") in ("query", "cookie") else "simple")
    return style if key == "style" else parameter.get("explode", style == "form")


def json_schema(part: Json | None) -> Json | None:
    """Return the schema of the JSON in a body or an answer; None where there is none."""
    schema: Json | None = (part or {}).get("content", {}).get("application/json", {}).get("schema")
    return schema
