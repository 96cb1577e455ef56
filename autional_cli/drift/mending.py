"""The SQL that turns one side of a difference into the other.

Nothing here loses a row or a value: a statement that could is wrapped so that it looks first and refuses (`guarded`),
and where none would do, the result is advice, which begins with `--`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sqlalchemy.dialects import postgresql

from autional_cli.drift import columns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from autional_cli.drift.catalog import Item

_CONSTRAINTS = ("primary_key", "unique", "check", "foreign_key", "exclusion")
_OWNED = {"table": "TABLE", "sequence": "SEQUENCE", "function": "ROUTINE", "enum": "TYPE", "domain": "DOMAIN"}
_GRANTED = {"table": "TABLE", "view": "TABLE", "sequence": "SEQUENCE", "function": "ROUTINE"}
_STATES = {"enabled": "ENABLE", "disabled": "DISABLE", "replica": "ENABLE REPLICA", "always": "ENABLE ALWAYS"}
_q = postgresql.dialect().identifier_preparer.quote  # type: ignore[no-untyped-call]
column = columns.column


def create(item: Item, members: Iterable[Item] = ()) -> str:
    """Return what creates `item`; `members` are what belongs to a table or a view."""
    definition = item.facts.get("definition", "").strip()
    match item.family:
        case "table":
            return _create_table(item, list(members))
        case "column":
            made = f"ALTER TABLE {_q(item.parent)} ADD COLUMN {_q(item.name)} {column(item.facts)}"
            return ";\n".join([made, *columns.comment(item)])
        case "enum":
            return f"CREATE TYPE {_q(item.name)} AS ENUM ({item.facts['labels']})"
        case "domain":
            return f"CREATE DOMAIN {_q(item.name)} AS {definition}"
        case "sequence":
            return ";\n".join([_create_sequence(item), *_owned(item)])
        case "view":
            options = f" WITH ({item.facts['options']})" if item.facts["options"] else ""
            made = f"CREATE {item.facts['kind'].upper()} {_q(item.name)}{options} AS {definition.rstrip(';')}"
            return ";\n".join([made, *map(create, members)])
        case "policy":
            return f"CREATE POLICY {_q(item.name)} ON {_q(item.parent)} {definition}"
        case "trigger" | "rule":
            normal = item.facts["state"] == "enabled"
            return ";\n".join([definition.rstrip(";"), *([] if normal else [_state(item)])])
    if item.family in _CONSTRAINTS:
        return f"ALTER TABLE {_q(item.parent)} ADD {_constraint(item)}"
    return definition


def drop(item: Item) -> str:
    """Return what removes `item`."""
    if item.family == "column":
        return f"ALTER TABLE {_q(item.parent)} DROP COLUMN {_q(item.name)}"
    if item.family in _CONSTRAINTS:
        return f"ALTER TABLE {_q(item.parent)} DROP CONSTRAINT {_q(item.name)}"
    if item.family in ("trigger", "rule", "policy"):
        return f"DROP {item.family.upper()} {_q(item.name)} ON {_q(item.parent)}"
    if item.family == "function":
        return f"DROP ROUTINE {_routine(item)}"
    if item.family == "sequence" and item.parent:
        return f"DROP SEQUENCE IF EXISTS {_q(item.name)}"  # it goes with the column that it numbers
    what = {"enum": "TYPE", "view": item.facts.get("kind", "view").upper()}.get(item.family, item.family.upper())
    return f"DROP {what} {_q(item.name)}"


def drop_empty(item: Item) -> str:
    """Return what removes `item`, and refuses when that would lose rows or values."""
    if item.family == "table":
        return columns.guarded(item.name, "", f"{item.name} holds rows: move them first", drop(item))
    if item.family == "column" and not item.facts["generated"]:
        filled = f"{_q(item.name)} IS NOT NULL"
        return columns.guarded(item.parent, filled, f"{item.object} holds values: move them first", drop(item))
    return drop(item)


def change(fact: str, there: Item, wanted: Item, role: str, members: Iterable[Item] = ()) -> str:
    """Return what makes `fact` of `there` what it is in `wanted`; `role` is the service's, `members` as above."""
    value = wanted.facts[fact]
    if fact == "role":
        what = wanted.facts["kind"].upper() if wanted.family == "view" else _OWNED[wanted.family]
        name = _routine(wanted)
        if wanted.family == "sequence" and there.parent:
            what, name = "TABLE", _q(there.parent)  # the sequence of a column belongs to whom the table belongs to
        return f"ALTER {what} {name} OWNER TO {_q(role if value == 'the service' else value)}"
    if fact == "rights":
        return f"GRANT ALL ON {_GRANTED[wanted.family]} {_routine(wanted)} TO {_q(role)}"
    if wanted.family in _CONSTRAINTS:
        return _change_constraint(there, wanted)
    special = _CHANGES.get(wanted.family)
    return (special and special(fact, there, wanted)) or f"{drop(there)};\n{create(wanted, members)}"


def _change_constraint(there: Item, wanted: Item) -> str:
    """Validate what was not; else exchange it in one statement, so that rows which break the new one keep the old."""
    table, name = _q(wanted.parent), _q(wanted.name)
    if _body(there) == f"{_body(wanted)} NOT VALID":
        return f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}"
    return f"ALTER TABLE {table} DROP CONSTRAINT {name}, ADD {_constraint(wanted)}"


def _change_sequence(fact: str, there: Item, wanted: Item) -> str:
    name, value = _q(wanted.name), wanted.facts[fact]
    if fact == "owner":
        return _owned(wanted)[0] if value else f"ALTER SEQUENCE {name} OWNED BY NONE"
    return f"ALTER SEQUENCE {name} {f'SET {value.upper()}' if fact == 'persistence' else value}"


def _change_function(fact: str, there: Item, wanted: Item) -> str:
    definition = wanted.facts["definition"].strip()
    return definition if fact == "body" or _result(there) == _result(wanted) else ""


def _change_state(fact: str, there: Item, wanted: Item) -> str:
    """Return what switches, builds or fills what is there; nothing for what has to be made anew."""
    if fact != "state":
        return ""
    if wanted.family == "index":
        return f"REINDEX INDEX CONCURRENTLY {_q(wanted.name)}" if there.facts[fact] == "invalid" else ""
    return _state(wanted) if wanted.family != "view" else f"REFRESH MATERIALIZED VIEW {_q(wanted.name)}"


def _change_table(fact: str, there: Item, wanted: Item) -> str:
    name, value = _q(wanted.name), wanted.facts[fact]
    if fact == "comment":
        return f"COMMENT ON TABLE {name} IS {columns.literal(value)}"
    if fact == "persistence":
        return f"ALTER TABLE {name} SET {value.upper()}"
    if fact == "row_security":
        enable = "ENABLE" if value.startswith("enabled") else "DISABLE"
        force = "FORCE" if value.endswith("forced") else "NO FORCE"
        return f"ALTER TABLE {name} {enable} ROW LEVEL SECURITY, {force} ROW LEVEL SECURITY"
    parents, before = (re.split(", ", item.facts[fact]) if item.facts[fact] else [] for item in (wanted, there))
    if fact == "inherits" and not any(" " in parent for parent in (*parents, *before)):
        steps = [f"NO INHERIT {one}" for one in before if one not in parents]
        steps += [f"INHERIT {one}" for one in parents if one not in before]
        return f"ALTER TABLE {name} {', '.join(steps)}" if steps else f"-- {name}: only the order of parents differs"
    return f"-- {name} has to be created anew, and its rows moved: {there.facts[fact]} becomes {wanted.facts[fact]}"


def _create_table(item: Item, members: list[Item]) -> str:
    name = _q(item.name)
    of = {family: [m for m in members if m.family == family] for family in {m.family for m in members}}
    constraints = [m for family in ("primary_key", "unique", "check", "exclusion") for m in of.get(family, [])]
    lines = [f"{_q(m.name)} {column(m.facts)}" for m in of.get("column", [])]
    lines += [_constraint(m) for m in constraints]
    sequences = of.get("sequence", [])
    later = [create(m) for family in ("foreign_key", "index", "trigger", "rule", "policy") for m in of.get(family, [])]
    later += [sql for m in of.get("column", []) for sql in columns.comment(m)]
    usual = {"persistence": "logged", "row_security": "off", "comment": "", "inherits": ""}
    later += [_change_table(fact, item, item) for fact, value in usual.items() if item.facts[fact] != value]
    made = f"CREATE TABLE {name} ({', '.join(lines)})"
    return ";\n".join([*map(_create_sequence, sequences), made, *(one for m in sequences for one in _owned(m)), *later])


def _create_sequence(item: Item) -> str:
    kind = "UNLOGGED SEQUENCE" if item.facts["persistence"] == "unlogged" else "SEQUENCE"
    return f"CREATE {kind} IF NOT EXISTS {_q(item.name)} {item.facts['definition']}"


def _owned(item: Item) -> list[str]:
    """Return what ties a sequence to its column, so that it goes when the column goes."""
    owner = item.facts["owner"]
    return [f"ALTER SEQUENCE {_q(item.name)} OWNED BY {owner}"] if owner else []


def _constraint(item: Item) -> str:
    return f"CONSTRAINT {_q(item.name)} {_body(item)}"


def _body(item: Item) -> str:
    return item.facts.get("definition") or item.facts["body"]


def _state(wanted: Item) -> str:
    how = _STATES[wanted.facts["state"]]
    return f"ALTER TABLE {_q(wanted.parent)} {how} {wanted.family.upper()} {_q(wanted.name)}"


def _routine(item: Item) -> str:
    """Return a name as SQL; a function's has its arguments behind it, as PostgreSQL prints them."""
    name, bracket, arguments = item.name.partition("(") if item.family == "function" else (item.name, "", "")
    return f"{_q(name)}{bracket}{arguments}"


def _result(item: Item) -> str:
    """Return what CREATE OR REPLACE cannot change: kind and result of a function."""
    return " ".join(re.findall(r"^\s*(?:CREATE OR REPLACE \w+|RETURNS .*)", item.facts["definition"], re.MULTILINE)[:2])


def _domain_advice(_: str, there: Item, wanted: Item) -> str:
    return (
        f"-- make the domain anew under another name ({wanted.facts['definition']}), convert its columns with"
        f"\n-- ALTER COLUMN … TYPE …, drop {_q(there.name)} and rename the new one to it"
    )


def _change_enum(_: str, there: Item, wanted: Item) -> str:
    old, new = labels(there), labels(wanted)
    name = _q(wanted.name)
    if len(old) == len(new):
        pairs = [(a, b) for a, b in zip(old, new, strict=True) if a != b]
        if all(b not in old for _, b in pairs):
            return ";\n".join(f"ALTER TYPE {name} RENAME VALUE {a} TO {b}" for a, b in pairs)
    if [label for label in new if label in old] == old:
        return ";\n".join(f"ALTER TYPE {name} ADD VALUE {label}{_place(label, new, old)}" for label in _added(new, old))
    return (
        f"-- PostgreSQL cannot remove or reorder labels: create a new type ({wanted.facts['labels']}), convert the"
        f"\n-- columns with ALTER COLUMN … TYPE … USING …::text::…, drop {name} and rename the new type to it"
    )


def _added(new: list[str], old: list[str]) -> list[str]:
    return [label for label in new if label not in old]


def _place(label: str, new: list[str], old: list[str]) -> str:
    following = next((other for other in new[new.index(label) + 1 :] if other in old), None)
    return f" BEFORE {following}" if following else ""


def labels(item: Item) -> list[str]:
    """Return the labels of an enum as SQL literals."""
    return re.findall(r"E?'(?:[^']|'')*'", item.facts["labels"] or "")


# What changes a fact without making the object anew; nothing from it means that there is no such way.
_CHANGES: Mapping[str, Callable[[str, Item, Item], str]] = {
    "column": columns.change,
    "enum": _change_enum,
    "domain": _domain_advice,
    "table": _change_table,
    "sequence": _change_sequence,
    "function": _change_function,
    "index": _change_state,
    "view": _change_state,
    "trigger": _change_state,
    "rule": _change_state,
}
