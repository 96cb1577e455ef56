"""The SQL of columns: their definition, and what changes one without losing a value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.dialects import postgresql

if TYPE_CHECKING:
    from collections.abc import Mapping

    from autional_cli.drift.catalog import Item

_q = postgresql.dialect().identifier_preparer.quote  # type: ignore[no-untyped-call]


def column(facts: Mapping[str, str]) -> str:
    """Return the definition of a column after its name."""
    words = [facts["type"]]
    if facts["collation"]:
        words.append(f"COLLATE {_q(facts['collation'])}")
    if facts["generated"]:
        words.append(f"GENERATED ALWAYS AS {_generated(facts['generated'])}")
    if facts["identity"]:
        words.append(_identity(facts["identity"]))
    if facts["default"]:
        words.append(f"DEFAULT {facts['default']}")
    if facts["nullable"] != "null":
        words.append("NOT NULL")
    return " ".join(words)


def comment(item: Item) -> list[str]:
    """Return what comments a column, if it has a comment."""
    return [_comment(item)] if item.facts["comment"] else []


def change(fact: str, there: Item, wanted: Item) -> str:
    """Return what makes `fact` of the column `there` what it is in `wanted`."""
    table, name = _q(wanted.parent), _q(wanted.name)
    alter, value = f"ALTER TABLE {table} ALTER COLUMN {name}", wanted.facts[fact]
    match fact:
        case "type":
            return _change_type(alter, there, wanted)
        case "nullable":
            valid = there.facts[fact] == "not null, not valid"
            again = [f"{alter} DROP NOT NULL"] if valid and value == "not null" else []
            return ";\n".join([*again, f"{alter} {'DROP' if value == 'null' else 'SET'} NOT NULL"])
        case "default":
            return f"{alter} SET DEFAULT {value}" if value else f"{alter} DROP DEFAULT"
        case "collation":
            return f"{alter} TYPE {wanted.facts['type']}" + (f" COLLATE {_q(value)}" if value else "")
        case "comment":
            return _comment(wanted)
        case "identity":
            return _change_identity(alter, there, wanted)
    return _change_generated(alter, there, wanted)


def _change_type(alter: str, there: Item, wanted: Item) -> str:
    """Convert the values, unless one does not come back as it was: cut, rounded, or not to be read at all."""
    name, value, before = _q(wanted.name), wanted.facts["type"], there.facts["type"]
    if there.facts["generated"]:
        return f"{alter} TYPE {value}"
    through = "::text" if there.facts["enumerated"] or wanted.facts["enumerated"] else ""  # there is no other cast
    new = f"{name}{through}::{value}"
    back = f"({new}){through}::{before}::text IS DISTINCT FROM {name}::text"
    collate = f" COLLATE {_q(there.facts['collation'])}" if there.facts["collation"] else ""
    default = wanted.facts["default"]
    off = f"{alter} DROP DEFAULT; " if there.facts["default"] else ""  # it need not be of the new type
    on = f"; {alter} SET DEFAULT {default}" if off and default else ""
    done = f"{off}{alter} TYPE {value}{collate} USING {new}{on}"
    return guarded(wanted.parent, back, f"{wanted.object} holds values that are no {value}", done)


def _change_identity(alter: str, there: Item, wanted: Item) -> str:
    """Keep the numbering: a sequence that exists is altered, a new one goes on after the largest number."""
    before, value = there.facts["identity"], wanted.facts["identity"]
    if not value:
        return f"{alter} DROP IDENTITY"
    if before:
        how, options = value.split(" (", 1)
        words = options.rstrip(")").split(" ")
        settings = [f"SET {' '.join(words[i:j])}" for i, j in ((0, 3), (3, 6), (6, 8), (8, 10))]
        cycle = "SET CYCLE" if words[-1] == "cycle" else "SET NO CYCLE"
        return f"{alter} SET GENERATED {how.upper()} {' '.join(settings)} {cycle}"
    table, name = _q(wanted.parent), _q(wanted.name)
    sequence = f"pg_get_serial_sequence({literal(table)}, {literal(wanted.name)})"
    after = f"SELECT setval({sequence}, max({name})) FROM {table} HAVING max({name}) > 0"  # noqa: S608 - quoted names
    ready = [f"{alter} DROP DEFAULT"] if there.facts["default"] else []
    return ";\n".join([*ready, f"{alter} SET NOT NULL", f"{alter} ADD {_identity(value)}", after])


def _change_generated(alter: str, there: Item, wanted: Item) -> str:
    """Exchange expressions; a column that had values of its own may only become a generated one if they agree."""
    before, value = there.facts["generated"], wanted.facts["generated"]
    table, name = _q(wanted.parent), _q(wanted.name)
    if not value and before.endswith(" stored"):
        return f"{alter} DROP EXPRESSION"
    if before and value and before.rsplit(" ", 1)[1] == value.rsplit(" ", 1)[1]:
        return f"{alter} SET EXPRESSION AS {_generated(value).rsplit(' ', 1)[0]}"
    anew = f"ALTER TABLE {table} DROP COLUMN {name}, ADD COLUMN {name} {column(wanted.facts)}"
    if before:
        return anew
    differs = f"{name} IS NOT NULL AND {name} IS DISTINCT FROM {_generated(value).rsplit(' ', 1)[0]}"
    return guarded(wanted.parent, differs, f"{wanted.object} holds values of its own: move them first", anew)


def guarded(table: str, lost: str, why: str, statement: str) -> str:
    """Return a statement that refuses with `why` while `table` has a row with what would be lost (`lost`: any row)."""
    where = f" WHERE {lost}" if lost else ""
    tag = "$mend$"
    return (
        f"DO {tag} BEGIN LOCK TABLE {_q(table)}; IF EXISTS (SELECT FROM {_q(table)}{where}) THEN "
        f"RAISE EXCEPTION USING MESSAGE = {literal(why)}; END IF; {statement}; END {tag}"
    )


def literal(value: str) -> str:
    """Return a text as an SQL literal; NULL for an empty one, as a comment has it."""
    if not value:
        return "NULL"
    return "'" + value.replace("'", "''") + "'"


def _comment(item: Item) -> str:
    return f"COMMENT ON COLUMN {_q(item.parent)}.{_q(item.name)} IS {literal(item.facts['comment'])}"


def _generated(fact: str) -> str:
    expression, how = fact.rsplit(" ", 1)
    return f"({expression}) {how.upper()}"


def _identity(text: str) -> str:
    how, options = text.split(" (", 1)
    return f"GENERATED {how.upper()} AS IDENTITY ({options}"
