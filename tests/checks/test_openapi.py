"""What breaks clients is found wherever in a document it stands, and what does not is let through.

The kinds are those that oasdiff documents (https://github.com/oasdiff/oasdiff, breaking changes).
"""

from __future__ import annotations

from typing import Any

import pytest

from checks.openapi import breaking
from tests.checks.test_schemas import NULL, NUMBER, TEXT, Json, thing


def document(path: str = "/v1/a", security: Any = None, schemes: Any = None, **operation: Any) -> Json:
    made: Json = {"openapi": "3.1.0", "paths": {path: {"get": {"responses": {"200": {}}} | operation}}}
    if security is not None:
        made["security"] = security
    return made | {"components": {"securitySchemes": schemes or {}}}


def parameter(name: str, place: str = "query", **more: Any) -> Json:
    return {"in": place, "name": name, "schema": TEXT} | more


def content(kind: str = "application/json", schema: Any = None) -> Json:
    return {"content": {kind: {"schema": schema or TEXT}}}


HTTP = {"key": {"type": "http", "scheme": "bearer"}}
HEADER = {"X-Next": {"required": True, "schema": TEXT}}
# name → old, new, what breaks.
DOCUMENTS: dict[str, tuple[Json, Json, str]] = {
    "operation gone": (document(), document("/v1/b"), "is gone"),
    "deprecated operation gone": (document(deprecated=True), document("/v1/b"), ""),
    "path parameter renamed": (
        document("/v1/{a}", parameters=[parameter("a", "path", required=True)]),
        document("/v1/{b}", parameters=[parameter("b", "path", required=True)]),
        "",
    ),
    "path parameter narrowed": (
        document("/v1/{a}", parameters=[parameter("a", "path", required=True)]),
        document("/v1/{b}", parameters=[parameter("b", "path", required=True, schema=NUMBER)]),
        "the path parameter a takes no string any more",
    ),
    "parameter new": (document(), document(parameters=[parameter("q")]), ""),
    "parameter new and required": (
        document(),
        document(parameters=[parameter("q", required=True)]),
        "the query parameter q is new and required",
    ),
    "parameter required": (
        document(parameters=[parameter("q")]),
        document(parameters=[parameter("q", required=True)]),
        "become required",
    ),
    "parameter gone": (document(parameters=[parameter("q")]), document(), "the query parameter q is gone"),
    "deprecated parameter gone": (document(parameters=[parameter("q", deprecated=True)]), document(), ""),
    "header in other letters": (
        document(parameters=[parameter("X-A", "header")]),
        document(parameters=[parameter("x-a", "header")]),
        "",
    ),
    "parameter optional and narrowed": (
        document(parameters=[parameter("q", schema={"anyOf": [dict(NUMBER, maximum=9), NULL]})]),
        document(parameters=[parameter("q", schema={"anyOf": [dict(NUMBER, maximum=5), NULL]})]),
        "the query parameter q has a narrower maximum",
    ),
    "parameter written otherwise": (
        document(parameters=[parameter("q")]),
        document(parameters=[parameter("q", explode=False)]),
        "in another way",
    ),
    "body required": (
        document(requestBody=content()),
        document(requestBody=content() | {"required": True}),
        "the body has become required",
    ),
    "body new": (document(), document(requestBody=content()), ""),
    "body new and required": (
        document(),
        document(requestBody=content() | {"required": True}),
        "a body is now required",
    ),
    "body gone": (document(requestBody=content()), document(), "the body is not heeded any more"),
    "body of another type": (
        document(requestBody=content("application/xml")),
        document(requestBody=content()),
        "body: application/xml is not taken any more",
    ),
    "body narrowed": (
        document(requestBody=content(schema=thing(a=TEXT))),
        document(requestBody=content(schema=thing(a=NUMBER))),
        "body.a takes no string any more",
    ),
    "status gone": (document(responses={"200": {}, "202": {}}), document(), "no longer answers 202"),
    "status of an error gone": (document(responses={"200": {}, "404": {}}), document(), ""),
    "status in a range": (document(), document(responses={"2XX": {}}), ""),
    "error of another form": (
        document(responses={"404": content(schema=thing(a=TEXT))}),
        document(responses={"404": content(schema=thing(()))}),
        "answer 404.a is gone",
    ),
    "answer of another type": (
        document(responses={"200": content("text/csv")}),
        document(responses={"200": content()}),
        "text/csv is not given",
    ),
    "answer of one more type": (
        document(responses={"200": content()}),
        document(responses={"200": {"content": content()["content"] | content("text/csv")["content"]}}),
        "",
    ),
    "header gone": (
        document(responses={"200": {"headers": HEADER}}),
        document(),
        "the header X-Next of answer 200 is gone",
    ),
    "header may be gone": (
        document(responses={"200": {"headers": {"X-Next": {"schema": TEXT}}}}),
        document(),
        "",
    ),
    "header of another type": (
        document(responses={"200": {"headers": HEADER}}),
        document(responses={"200": {"headers": {"x-next": {"required": True, "schema": NUMBER}}}}),
        "may now be integer",
    ),
    "a token is needed": (
        document(schemes=HTTP),
        document(security=[{"key": []}], schemes=HTTP),
        "no token lets nobody in",
    ),
    "a scope is needed": (
        document(security=[{"key": []}], schemes=HTTP),
        document(security=[{"key": ["admin"]}], schemes=HTTP),
        "key lets nobody",
    ),
    "a token of another kind": (
        document(security=[{"key": []}], schemes=HTTP),
        document(security=[{"key": []}], schemes={"key": {"type": "apiKey", "in": "header", "name": "X"}}),
        "key lets nobody",
    ),
    "one way more": (
        document(security=[{"key": []}], schemes=HTTP),
        document(security=[{"key": []}, {"other": []}], schemes=HTTP),
        "",
    ),
    "no token needed": (document(security=[{"key": []}], schemes=HTTP), document(security=[], schemes=HTTP), ""),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_breaks_or_not(name: str) -> None:
    old, new, wanted = DOCUMENTS[name]
    found = [what for _, _, what in breaking(old, new)]
    assert (len(found) == 1 and wanted in found[0]) if wanted else found == [], found
    assert list(breaking(old, old)) == []
    assert list(breaking(new, new)) == []
