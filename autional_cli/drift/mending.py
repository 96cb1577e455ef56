"""The SQL that turns one side of a difference into the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from autional_cli.drift.catalog import Item

_CONSTRAINTS = ("primary_key", "unique", "check", "foreign_key", "exclusion")


def create(item: Item, members: Iterable[Item] = ()) -> str:
    """Return what creates `item`; `members` are the columns, constraints and indexes of a table."""
    if item.family == "table":
        return _create_table(item, list(members))
    if item.family == "column":
        return f"ALTER TABLE {_q(item.parent)} ADD COLUMN {_q(item.name)} {column(item.facts)}"
    if item.family in _CONSTRAINTS:
        body = item.facts.get("definition") or item.facts["body"]
        return f"ALTER TABLE {_q(item.parent)} ADD CONSTRAINT {_q(item.name)} {body}"
    if item.family == "enum":
        return f"CREATE TYPE {_q(item.name)} AS ENUM ({item.facts['labels']})"
    if item.family == "sequence":
        return ";\n".join([_create_sequence(item), *_owned(item)])
    if item.family == "view":
        return f"CREATE {item.facts['kind'].upper()} {_q(item.name)} AS {item.facts['definition'].strip().rstrip(';')}"
    return item.facts["definition"].strip()


def drop(item: Item) -> str:
    """Return what removes `item`."""
    if item.family == "column":
        return f"ALTER TABLE {_q(item.parent)} DROP COLUMN {_q(item.name)}"
    if item.family in _CONSTRAINTS:
        return f"ALTER TABLE {_q(item.parent)} DROP CONSTRAINT {_q(item.name)}"
    if item.family == "trigger":
        return f"DROP TRIGGER {_q(item.name)} ON {_q(item.parent)}"
    if item.family == "function":
        return f"DROP FUNCTION {item.name}"
    if item.family == "sequence" and item.parent:
        return f"DROP SEQUENCE IF EXISTS {_q(item.name)}"  # it goes with the column that it numbers
    what = {"enum": "TYPE", "view": item.facts.get("kind", "view").upper()}.get(item.family, item.family.upper())
    return f"DROP {what} {_q(item.name)}"


def change(fact: str, there: Item, wanted: Item) -> str:
    """Return what makes `fact` of `there` what it is in `wanted`."""
    if wanted.family == "column":
        return _change_column(fact, there, wanted)
    if wanted.family == "enum":
        return _change_enum(there, wanted)
    if wanted.family == "function":
        return wanted.facts["definition"].strip()
    if wanted.family == "table":
        return f"-- {_q(wanted.name)} has to be created anew: {there.facts[fact]} becomes {wanted.facts[fact]}"
    if wanted.family == "sequence" and fact == "owner":
        return _owned(wanted)[0] if wanted.facts[fact] else f"ALTER SEQUENCE {_q(wanted.name)} OWNED BY NONE"
    if wanted.family == "sequence":
        return f"ALTER SEQUENCE {_q(wanted.name)} {wanted.facts['definition']}"
    if fact == "state":
        return f"REINDEX INDEX CONCURRENTLY {_q(wanted.name)}"
    return f"{drop(there)};\n{create(wanted)}"


def column(facts: Mapping[str, str]) -> str:
    """Return the definition of a column after its name."""
    words = [facts["type"]]
    if facts["collation"]:
        words.append(f"COLLATE {_q(facts['collation'])}")
    if facts["generated"]:
        expression, how = facts["generated"].rsplit(" ", 1)
        words.append(f"GENERATED ALWAYS AS ({expression}) {how.upper()}")
    if facts["identity"]:
        words.append(_identity(facts["identity"]))
    if facts["default"]:
        words.append(f"DEFAULT {facts['default']}")
    if facts["nullable"] == "not null":
        words.append("NOT NULL")
    return " ".join(words)


def _identity(text: str) -> str:
    how, options = text.split(" (", 1)
    return f"GENERATED {how.upper()} AS IDENTITY ({options}"


def _create_table(item: Item, members: list[Item]) -> str:
    lines = [f"{_q(m.name)} {column(m.facts)}" for m in members if m.family == "column"]
    constraints = [m for m in members if m.family in _CONSTRAINTS and m.family != "foreign_key"]
    lines += [f"CONSTRAINT {_q(m.name)} {m.facts.get('definition') or m.facts['body']}" for m in constraints]
    sequences = [m for m in members if m.family == "sequence"]
    before = [_create_sequence(m) for m in sequences]
    owned = [statement for m in sequences for statement in _owned(m)]
    later = [create(m) for m in members if m.family in ("foreign_key", "index")]
    return ";\n".join([*before, f"CREATE TABLE {_q(item.name)} ({', '.join(lines)})", *owned, *later])


def _create_sequence(item: Item) -> str:
    return f"CREATE SEQUENCE {_q(item.name)} {item.facts['definition']}"


def _owned(item: Item) -> list[str]:
    """Return what ties a sequence to its column, so that it goes when the column goes."""
    owner = item.facts["owner"]
    return [f"ALTER SEQUENCE {_q(item.name)} OWNED BY {_q(item.parent)}.{_q(owner)}"] if owner else []


def _change_column(fact: str, there: Item, wanted: Item) -> str:
    alter = f"ALTER TABLE {_q(wanted.parent)} ALTER COLUMN {_q(wanted.name)}"
    value = wanted.facts[fact]
    if fact == "type":
        return f"{alter} TYPE {value} USING {_q(wanted.name)}::{value}"
    if fact == "nullable":
        return f"{alter} {'SET' if value == 'not null' else 'DROP'} NOT NULL"
    if fact == "default":
        return f"{alter} SET DEFAULT {value}" if value else f"{alter} DROP DEFAULT"
    if fact == "identity":
        steps = [f"{alter} DROP IDENTITY"] if there.facts[fact] else []
        return ";\n".join([*steps, *([f"{alter} ADD {_identity(value)}"] if value else [])])
    if fact == "collation":
        return f"{alter} TYPE {wanted.facts['type']}" + (f" COLLATE {_q(value)}" if value else "")
    return f"{drop(there)};\n{create(wanted)}"  # a generated column's expression cannot be exchanged for none


def _change_enum(there: Item, wanted: Item) -> str:
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
    quoted = item.facts["labels"] or ""
    return [f"'{part}'" for part in quoted[1:-1].split("', '")] if quoted else []


def _q(name: str) -> str:
    return name if name.isidentifier() and name.islower() else '"' + name.replace('"', '""') + '"'
