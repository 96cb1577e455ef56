"""The statements that code written for one schema sends, tried on another: what breaks while both run.

During a rolling release the old code meets the new schema. For every table, the statements are those that mapped
classes of the old schema send: all columns by name, with the types of then.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from autional_cli.drift.catalog import Item, Snapshot


@dataclass(frozen=True, slots=True)
class Broken:
    """A statement that old code sends and that no longer works. `certain` is false if it depends on the values."""

    table: str
    statement: str
    why: str
    certain: bool = True


def statements(snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    """Yield table and SQL of each statement that the mapped classes of this schema send."""
    for table, columns in columns_of(snapshot).items():
        names = list(columns)
        keys = _keys(snapshot, table, columns)
        where = " AND ".join(f"{_q(name)} = ${number}::{columns[name]['type']}" for number, name in enumerate(keys, 1))
        yield table, _words("SELECT", ", ".join(map(_q, names)), "FROM", _q(table), where and f"WHERE {where}")
        written = [name for name in names if _writable(columns[name])]
        if written:
            values = ", ".join(f"${number}::{columns[name]['type']}" for number, name in enumerate(written, 1))
            yield table, _words(_insert(table), f"({', '.join(map(_q, written))})", f"VALUES ({values})")
        if where:
            changed = [name for name in written if name not in keys]
            sets = [f"{_q(n)} = ${number}::{columns[n]['type']}" for number, n in enumerate(changed, len(keys) + 1)]
            if sets:
                yield table, _words("UPDATE", _q(table), "SET", ", ".join(sets), "WHERE", where)
            yield table, _words("DELETE FROM", _q(table), "WHERE", where)


def breaks(before: Snapshot, after: Snapshot) -> list[Broken]:
    """Return what preparing a statement cannot show: values that are required, refused, or of another type now."""
    found: list[Broken] = []
    old, new = columns_of(before), columns_of(after)
    for table in old.keys() & new.keys():
        for name, facts in new[table].items():
            found.extend(_column_breaks(table, name, old[table].get(name), facts))
    for item in after.values():
        if item.family in ("check", "unique", "foreign_key", "exclusion") and item.parent in old:
            then = before.get(item.key)
            if then is None or then.facts != item.facts:
                why = (
                    f"{item.name} refuses rows that were accepted: {item.facts.get('body') or item.facts['definition']}"
                )
                found.append(Broken(item.parent, _insert(item.parent), why, certain=False))
    return sorted(found, key=lambda each: (each.table, each.statement, each.why))


def _column_breaks(table: str, name: str, then: Mapping[str, str] | None, now: Mapping[str, str]) -> Iterator[Broken]:
    insert = _insert(table)
    if then is None:
        if now["nullable"] == "not null" and not (now["default"] or now["identity"] or now["generated"]):
            yield Broken(table, insert, f"the new column {name} is NOT NULL and has no default")
        return
    if then["type"] != now["type"]:
        why = f"{name} was {then['type']} and is {now['type']}: values come back, and must be sent, as another type"
        yield Broken(table, _words("SELECT", _q(name), "FROM", _q(table)), why)
    if then["nullable"] == "null" and now["nullable"] == "not null":
        yield Broken(table, insert, f"{name} must not be null any more", certain=False)
    if then["default"] and not now["default"] and now["nullable"] == "not null":
        yield Broken(table, insert, f"{name} has lost its default {then['default']}", certain=False)


def columns_of(snapshot: Snapshot) -> dict[str, dict[str, Mapping[str, str]]]:
    """Return the facts of the columns of each table by name."""
    found: dict[str, dict[str, Mapping[str, str]]] = {
        item.name: {} for item in snapshot.values() if item.family == "table"
    }
    for item in snapshot.values():
        if item.family == "column":
            found[item.parent][item.name] = item.facts
    return found


def _keys(snapshot: Snapshot, table: str, columns: Mapping[str, object]) -> list[str]:
    primary: Item | None = next(
        (item for item in snapshot.values() if item.family == "primary_key" and item.parent == table), None
    )
    if primary is None:
        return []
    inside = primary.facts["definition"].partition("(")[2].rpartition(")")[0]
    return [name for name in (part.strip().strip('"') for part in inside.split(",")) if name in columns]


def _writable(facts: Mapping[str, str]) -> bool:
    return not facts["generated"] and not facts["identity"].startswith("always")


def _insert(table: str) -> str:
    return _words("INSERT INTO", _q(table))


def _words(*words: str) -> str:
    return " ".join(word for word in words if word)


def _q(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
