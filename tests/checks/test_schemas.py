"""What breaks clients is found wherever in a schema it stands, and what does not is let through.

The kinds are those that oasdiff documents (https://github.com/oasdiff/oasdiff, breaking changes), in both directions.
"""

from __future__ import annotations

from typing import Any

import pytest

from checks.schemas import Compatibility

Json = dict[str, Any]
TEXT: Json = {"type": "string"}
NUMBER: Json = {"type": "integer"}
NULL: Json = {"type": "null"}


def thing(required: tuple[str, ...] = ("a",), **fields: Any) -> Json:
    return {"type": "object", "properties": fields, "required": list(required)}


# name → old, new, what breaks a request, what breaks an answer; empty for nothing.
SCHEMAS: dict[str, tuple[Any, Any, str, str]] = {
    "same": (TEXT, dict(TEXT, title="other", description="d"), "", ""),
    "type": (TEXT, NUMBER, "takes no string any more", "may now be integer"),
    "whole numbers to numbers": (NUMBER, {"type": "number"}, "", "may now be number"),
    "numbers to whole ones": ({"type": "number"}, NUMBER, "takes no number any more", ""),
    "a format": (TEXT, {"type": "string", "format": "uuid"}, "takes no string any more", ""),
    "another format": (
        {"type": "string", "format": "uuid"},
        {"type": "string", "format": "date"},
        "takes no string (uuid) any more",
        "may now be string (date)",
    ),
    "no format": ({"type": "string", "format": "uuid"}, TEXT, "", "may now be string"),
    "anything to something": ({}, TEXT, "takes no anything any more", ""),
    "something to anything": (TEXT, {}, "", "may now be anything"),
    "no null any more": ({"anyOf": [TEXT, NULL]}, TEXT, "takes no null any more", ""),
    "null as well": (TEXT, {"type": ["string", "null"]}, "", "may now be null"),
    "null in the way of 3.0": (TEXT, {"type": "string", "nullable": True}, "", "may now be null"),
    "the same null": ({"type": "string", "nullable": True}, {"anyOf": [NULL, TEXT]}, "", ""),
    "maximum set": (NUMBER, dict(NUMBER, maximum=5), "has a narrower maximum", ""),
    "maximum lowered": (dict(NUMBER, maximum=9), dict(NUMBER, maximum=5), "has a narrower maximum", ""),
    "maximum raised": (dict(NUMBER, maximum=5), dict(NUMBER, maximum=9), "", "has a wider maximum"),
    "the same maximum": (dict(NUMBER, maximum=9), dict(NUMBER, exclusiveMaximum=10), "", ""),
    "maximum excluded": (
        {"type": "number", "maximum": 9},
        {"type": "number", "exclusiveMaximum": 9},
        "has a narrower maximum",
        "",
    ),
    "minimum raised": (dict(NUMBER, minimum=1), dict(NUMBER, exclusiveMinimum=1), "has a narrower minimum", ""),
    "minLength set": (TEXT, dict(TEXT, minLength=1), "has a narrower minLength", ""),
    "minLength of nothing": (TEXT, dict(TEXT, minLength=0), "", ""),
    "maxLength gone": (dict(TEXT, maxLength=5), TEXT, "", "has a wider maxLength"),
    "pattern set": (TEXT, dict(TEXT, pattern="^a"), "has a narrower pattern", ""),
    "pattern changed": (
        dict(TEXT, pattern="^a"),
        dict(TEXT, pattern="^b"),
        "has a narrower pattern",
        "has a wider pattern",
    ),
    "enum shorter": (dict(TEXT, enum=["a", "b"]), dict(TEXT, enum=["a"]), "takes fewer values: b", ""),
    "enum longer": (dict(TEXT, enum=["a"]), dict(TEXT, enum=["b", "a"]), "", "may now be other values: b"),
    "enum set": (TEXT, dict(TEXT, enum=["a"]), "takes fewer values", ""),
    "enum gone": ({"const": "a"}, TEXT, "", "may now be other values"),
    "enum in two": (dict(TEXT, enum=["a", "b"]), {"oneOf": [{"const": "a"}, {"const": "b"}]}, "", ""),
    "items": (
        {"type": "array", "items": dict(TEXT, maxLength=9)},
        {"type": "array", "items": dict(TEXT, maxLength=5)},
        "[] has a narrower maxLength",
        "",
    ),
    "minItems": ({"type": "array"}, {"type": "array", "minItems": 1}, "has a narrower minItems", ""),
    "uniqueItems": ({"type": "array"}, {"type": "array", "uniqueItems": True}, "has a narrower uniqueItems", ""),
    "places in a list": (
        {"type": "array", "prefixItems": [TEXT, NUMBER]},
        {"type": "array", "prefixItems": [NUMBER, NUMBER]},
        "[0] takes no string any more",
        "[0] may now be integer",
    ),
    "a field gone": (thing(a=TEXT, b=TEXT), thing(a=TEXT), "", ".b is gone"),
    "a deprecated field gone": (thing(a=TEXT, b=dict(TEXT, deprecated=True)), thing(a=TEXT), "", ""),
    "a field refused": (
        dict(thing(a=TEXT, b=TEXT), additionalProperties=False),
        dict(thing(a=TEXT), additionalProperties=False),
        ".b is refused now",
        ".b is gone",
    ),
    "a field new": (thing(a=TEXT), thing(a=TEXT, b=TEXT), "", ""),
    "a field new and required": (thing(a=TEXT), thing(("a", "b"), a=TEXT, b=TEXT), ".b is new and required", ""),
    "a field now required": (thing(a=TEXT, b=TEXT), thing(("a", "b"), a=TEXT, b=TEXT), ".b is now required", ""),
    "a field maybe absent": (thing(a=TEXT), thing((), a=TEXT), "", ".a may now be absent"),
    "a field of a field": (thing(a=thing(a=TEXT)), thing(a=thing(a=NUMBER)), ".a.a takes no string", ".a.a may now be"),
    "no further fields": (
        thing(a=TEXT),
        dict(thing(a=TEXT), additionalProperties=False),
        "takes no further fields any more",
        "",
    ),
    "values of a map": (
        {"type": "object", "additionalProperties": NUMBER},
        {"type": "object", "additionalProperties": TEXT},
        ".* takes no integer any more",
        ".* may now be string",
    ),
    "a map of anything": (
        {"type": "object", "additionalProperties": NUMBER},
        {"type": "object", "additionalProperties": True},
        "",
        ".* may now be anything",
    ),
    "optional: a field gone": (
        {"anyOf": [thing(a=TEXT, b=TEXT), NULL]},
        {"anyOf": [thing(a=TEXT), NULL]},
        "",
        ".b is gone",
    ),
    "optional: maximum": (
        {"anyOf": [dict(NUMBER, maximum=9), NULL]},
        {"anyOf": [dict(NUMBER, maximum=5), NULL]},
        "has a narrower maximum",
        "",
    ),
    "optional: enum": (
        {"anyOf": [dict(TEXT, enum=["a", "b"]), NULL]},
        {"anyOf": [dict(TEXT, enum=["a"]), NULL]},
        "takes fewer values: b",
        "",
    ),
    "optional: order": ({"anyOf": [TEXT, NULL]}, {"anyOf": [NULL, TEXT]}, "", ""),
    "one of: fewer": ({"oneOf": [TEXT, NUMBER]}, {"oneOf": [TEXT]}, "takes no integer any more", ""),
    "one of: more": (
        {"oneOf": [thing(a=TEXT)]},
        {"oneOf": [thing(a=TEXT), thing(("b",), b=TEXT)]},
        "",
        "may now be object",
    ),
    "one of: told apart by a constant": (
        {"oneOf": [thing(k={"const": "x"}, a=TEXT), thing(k={"const": "y"}, b=TEXT)]},
        {"oneOf": [thing(k={"const": "y"}, b=TEXT), thing(k={"const": "x"}, a=NUMBER)]},
        ".a takes no string any more",
        ".a may now be integer",
    ),
    "all of": (
        {"allOf": [thing(a=TEXT), thing(b=TEXT)]},
        {"allOf": [thing(a=TEXT), thing(b=NUMBER)]},
        ".b takes no string any more",
        ".b may now be integer",
    ),
    "all of, written as one": (
        {"allOf": [thing(a=TEXT), thing(("b",), b=TEXT)]},
        thing(("a", "b"), a=TEXT, b=TEXT),
        "",
        "",
    ),
    "all of: a limit outside": (
        {"allOf": [TEXT], "maxLength": 9},
        {"allOf": [TEXT], "maxLength": 5},
        "narrower maxLength",
        "",
    ),
    "any of: a limit outside": (
        {"anyOf": [TEXT, NULL], "maxLength": 9},
        {"anyOf": [TEXT, NULL], "maxLength": 5},
        "narrower maxLength",
        "",
    ),
    "not": (TEXT, dict(TEXT, **{"not": {"const": "a"}}), "has a narrower not", ""),
    "true and false": (True, TEXT, "takes no anything any more", ""),
}


@pytest.mark.parametrize("name", SCHEMAS)
@pytest.mark.parametrize("request_side", [True, False], ids=["request", "answer"])
def test_a_schema_breaks_in_one_direction_or_the_other(name: str, request_side: bool) -> None:
    old, new, request, answer = SCHEMAS[name]
    wanted = request if request_side else answer
    found = [f"{where} {what}" for where, what in Compatibility({}, {}, request=request_side).complaints(old, new)]
    assert (len(found) == 1 and wanted in found[0]) if wanted else found == [], found


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_same_schema_breaks_nothing_behind_references_as_well(name: str) -> None:
    for schema in SCHEMAS[name][:2]:
        document = {"components": {"schemas": {"It": schema}}}
        reference = {"$ref": "#/components/schemas/It"}
        for side in (True, False):
            assert Compatibility(document, document, request=side).complaints(reference, schema) == []
            assert Compatibility(document, document, request=side).complaints(schema, reference) == []


def test_a_schema_that_holds_itself_is_compared_to_its_end() -> None:
    def tree(leaf: Json) -> Json:
        node = thing(
            a=leaf, left={"$ref": "#/components/schemas/Node"}, right={"allOf": [{"$ref": "#/components/schemas/Node"}]}
        )
        return {"components": {"schemas": {"Node": node}}}

    node = {"$ref": "#/components/schemas/Node"}
    assert Compatibility(tree(TEXT), tree(TEXT), request=True).complaints(node, node) == []
    found = Compatibility(tree(TEXT), tree(NUMBER), request=False).complaints(node, node)
    assert (".a", "may now be integer") in found
