"""Compare two snapshots: pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autional_cli.drift import mending
from autional_cli.drift.families import FACTS
from autional_cli.drift.model import Difference
from autional_cli.drift.surroundings import OPERATOR

if TYPE_CHECKING:
    from collections.abc import Iterator

    from autional_cli.drift.catalog import Item, Snapshot

_ORDER = tuple(FACTS)
_SHOWN = ("type", "definition", "body", "labels", "kind")
# A mend that needs what comes later among the families: a sequence's column has to be there first.
_LATER = {("sequence", "owner"): "column"}


def compare(declared: Snapshot, live: Snapshot, role: str) -> list[Difference]:
    """Return every difference; what belongs to a table that is missing as a whole is not told apart.

    `role` is the name of the service's.
    """
    ranked = [
        (_rank(key, declared, found.kind), found)
        for key in declared.keys() | live.keys()
        for found in _compare_one(key, declared, live, role)
    ]
    return [found for _, found in sorted(ranked, key=lambda each: each[0])]


def _rank(key: tuple[str, str, str], declared: Snapshot, kind: str) -> tuple[object, ...]:
    """Order the differences as their mends may run: what is extra goes last, what stands on others before them.

    Who owns something comes before what else of it is to be changed; a table has one primary key at a time.
    """
    fact = kind.removeprefix(f"{key[0]}_")
    place, shift = _ORDER.index(key[0]), 0
    if (key[0], fact) in _LATER:
        place, shift = _ORDER.index(_LATER[key[0], fact]), 1
    elif key[0] == "index" and ("view", "", key[1]) in declared:
        place, shift = _ORDER.index("view"), 1
    elif key[0] == "primary_key" and fact == "extra":
        return (0, place, -1, *key, False)
    return (0, place, shift, *key, fact != "role") if key in declared else (1, -place, shift, *key, False)


def _compare_one(key: tuple[str, str, str], declared: Snapshot, live: Snapshot, role: str) -> Iterator[Difference]:
    model, database = declared.get(key), live.get(key)
    if model is None or database is None:
        present = model or database
        assert present is not None
        if not _inside_missing_table(present, declared, live):
            yield _one_sided(present, declared if model else live, wanted=model is not None)
        return
    for fact in FACTS[model.family]:
        value, there = model.facts[fact], database.facts[fact]
        if there == value or (fact == "state" and _anew(model, database)):
            continue
        yield Difference(
            kind=f"{model.family}_{fact}",
            object=model.object,
            model=_one_line(value) or "none",
            database=_one_line(there) or "none",
            mend=mending.change(fact, database, model, role, _members(model, declared)),
            undo=mending.change(fact, model, database, role, _members(database, live)),
            by=_by(fact, database),
        )


def _anew(model: Item, database: Item) -> bool:
    """Whether the object is made anew for its definition, which sets its state as well."""
    return database.facts["definition"] != model.facts["definition"]


def _by(fact: str, database: Item) -> str:
    """Return who may change it: what belongs to somebody else, and what it belongs to, is the operator's."""
    foreign = database.facts.get("role", "the service") != "the service"
    return OPERATOR if foreign or fact == "role" else ""


def _inside_missing_table(item: Item, declared: Snapshot, live: Snapshot) -> bool:
    places = [(family, "", item.parent) for family in ("table", "view")]
    return bool(item.parent) and any((place in declared) != (place in live) for place in places)


def _members(item: Item, side: Snapshot) -> list[Item]:
    """Return what goes, and has to be made, with a table or a view."""
    return [other for other in side.values() if other.parent == item.name] if item.family in ("table", "view") else []


def _one_sided(item: Item, side: Snapshot, *, wanted: bool) -> Difference:
    members = _members(item, side)
    made, removed = mending.create(item, members), mending.drop(item)
    shown = mending.column(item.facts) if item.family == "column" else _description(item, members)
    return Difference(
        kind=f"{item.family}_{'missing' if wanted else 'extra'}",
        object=item.object,
        model=shown if wanted else "",
        database="" if wanted else shown,
        mend=made if wanted else mending.drop_empty(item),
        undo=removed if wanted else made,
        by="" if wanted else _by("", item),
    )


def _description(item: Item, members: list[Item]) -> str:
    if item.family == "table" and members:
        return f"table ({', '.join(m.name for m in members if m.family == 'column')})"
    return _one_line(next((item.facts[fact] for fact in _SHOWN if item.facts.get(fact)), item.family))


def _one_line(value: str) -> str:
    return " ".join((value or "").split())
