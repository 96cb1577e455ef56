"""What a service with a MongoDB database declares of it: collections, their indexes and validators.

Plain data, so that the service creates them at its start and drift compares them without a connection of its own kind.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pymongo import IndexModel
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import OperationFailure

_EXISTS = 48
_STRICT = {"validationLevel": "strict", "validationAction": "error"}  # what a server does when nothing is said


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """An index: field and direction (1 or -1) of each key; `options` are those of `createIndexes`."""

    name: str
    keys: tuple[tuple[str, int], ...]
    unique: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def model(self) -> IndexModel:
        """It as the driver wants it."""
        unique = {"unique": True} if self.unique else {}
        return IndexModel(list(self.keys), name=self.name, **unique, **self.options)


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """A collection. `validator` is what every document must satisfy; empty for anything."""

    name: str
    indexes: tuple[Index, ...] = ()
    validator: Mapping[str, Any] = field(default_factory=dict)


async def prepare(db: AsyncDatabase[Any], collections: Iterable[Collection]) -> None:
    """Create what is missing and make validators what is declared, and refuse again what they refuse.

    An index that differs is drift, not ours to drop.
    """
    async with await db.list_collections() as cursor:
        known = {found["name"]: found.get("options", {}) async for found in cursor}
    for collection in collections:
        if collection.name not in known:
            given: dict[str, Any] = {"validator": dict(collection.validator)} if collection.validator else {}
            await _create(db, {"create": collection.name, **given})
        elif not _is_checked(known[collection.name], collection.validator):
            await db.command({"collMod": collection.name, "validator": dict(collection.validator), **_STRICT})
        if collection.indexes:
            await db[collection.name].create_indexes([index.model for index in collection.indexes])


def _is_checked(options: Mapping[str, Any], validator: Mapping[str, Any]) -> bool:
    strict = all(options.get(name, value) == value for name, value in _STRICT.items())
    return options.get("validator", {}) == validator and (strict or not validator)


async def _create(db: AsyncDatabase[Any], command: Mapping[str, Any]) -> None:
    try:
        await db.command(dict(command))
    except OperationFailure as failure:
        if failure.code != _EXISTS:  # another replica was faster
            raise
