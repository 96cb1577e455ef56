"""Compare two snapshots: pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autional_cli.drift import mending
from autional_cli.drift.model import Difference

if TYPE_CHECKING:
    from collections.abc import Iterator

    from autional_cli.drift.catalog import Item, Snapshot

# What mends comes in this order: types before the columns that use them, columns before what stands on them.
_ORDER = (
    "enum",
    "sequence",
    "table",
    "column",
    "primary_key",
    "unique",
    "check",
    "exclusion",
    "foreign_key",
    "index",
    "view",
    "function",
    "trigger",
)
_OPTIONAL = ("function", "trigger")  # compared only where the models declare any: few do
_SHOWN = ("type", "definition", "body", "labels", "kind")


def compare(declared: Snapshot, live: Snapshot) -> list[Difference]:
    """Return every difference; what belongs to a table that is missing as a whole is not told apart."""
    ignored = {family for family in _OPTIONAL if not any(key[0] == family for key in declared)}
    keys = {key for key in declared.keys() | live.keys() if key[0] not in ignored}
    ordered = sorted(keys, key=lambda key: _rank(key, declared))
    return [found for key in ordered for found in _compare_one(key, declared, live)]


def _rank(key: tuple[str, str, str], declared: Snapshot) -> tuple[object, ...]:
    """Order the keys as their mends may run: what is extra goes last, and what stands on others goes before them."""
    place = _ORDER.index(key[0])
    return (0, place, *key) if key in declared else (1, -place, *key)


def _compare_one(key: tuple[str, str, str], declared: Snapshot, live: Snapshot) -> Iterator[Difference]:
    model, database = declared.get(key), live.get(key)
    if model is None or database is None:
        present = model or database
        assert present is not None
        if not _inside_missing_table(present, declared, live):
            yield _one_sided(present, declared if model else live, wanted=model is not None)
        return
    for fact, value in model.facts.items():
        if database.facts[fact] == value or (model.family == "function" and fact == "definition"):
            continue
        yield Difference(
            kind=f"{model.family}_{fact}",
            object=model.object,
            model=_one_line(value) or "none",
            database=_one_line(database.facts[fact]) or "none",
            mend=mending.change(fact, database, model),
            undo=mending.change(fact, model, database),
        )


def _inside_missing_table(item: Item, declared: Snapshot, live: Snapshot) -> bool:
    table = ("table", "", item.parent)
    return bool(item.parent) and (table in declared) != (table in live)


def _one_sided(item: Item, side: Snapshot, *, wanted: bool) -> Difference:
    members = [other for other in side.values() if item.family == "table" and other.parent == item.name]
    made, removed = mending.create(item, members), mending.drop(item)
    shown = mending.column(item.facts) if item.family == "column" else _description(item, members)
    return Difference(
        kind=f"{item.family}_{'missing' if wanted else 'extra'}",
        object=item.object,
        model=shown if wanted else "",
        database="" if wanted else shown,
        mend=made if wanted else removed,
        undo=removed if wanted else made,
    )


def _description(item: Item, members: list[Item]) -> str:
    if members:
        return f"table ({', '.join(m.name for m in members if m.family == 'column')})"
    return _one_line(next((item.facts[fact] for fact in _SHOWN if item.facts.get(fact)), item.family))


def _one_line(value: str) -> str:
    return " ".join((value or "").split())
