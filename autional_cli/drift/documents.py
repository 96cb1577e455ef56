"""One service's declared collections against its MongoDB database: indexes and validators."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from autional_cli.drift.model import Difference, ServiceDrift

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from services.chassis.documents import Collection, Index

TIMEOUT_MS = 3_000
_ALWAYS = "_id_"
_BOOKKEEPING = ("v", "key", "name", "ns", "background")


def compare_service(url: str, service: str, declared: Iterable[Collection]) -> ServiceDrift:
    """Return in what the database at `url` differs from `declared`. Raises ConnectionError if it does not answer."""
    from pymongo import MongoClient
    from pymongo.errors import PyMongoError

    client: MongoClient[dict[str, Any]] = MongoClient(
        url, serverSelectionTimeoutMS=TIMEOUT_MS, connectTimeoutMS=TIMEOUT_MS, socketTimeoutMS=TIMEOUT_MS
    )
    try:
        with client:
            db = client.get_default_database(service)
            live = {found["name"]: found.get("options", {}) for found in db.list_collections()}
            indexes: dict[str, list[Mapping[str, Any]]] = {
                name: list(db[name].list_indexes()) for name in live if not name.startswith("system.")
            }
    except PyMongoError as failure:
        raise ConnectionError(str(failure)) from failure
    return ServiceDrift(service, "", "", tuple(compare(declared, live, indexes)))


def compare(
    declared: Iterable[Collection],
    live: Mapping[str, Mapping[str, Any]],
    indexes: Mapping[str, list[Mapping[str, Any]]],
) -> Iterator[Difference]:
    """Yield every difference. A collection with neither index nor validator need not exist yet."""
    wanted = {collection.name: collection for collection in declared}
    for name, collection in wanted.items():
        if name in live:
            yield from _validator(collection, live[name].get("validator", {}))
            yield from _indexes(collection, indexes[name])
        elif collection.indexes or collection.validator:
            mend = f"restart the service, which creates it: autional restart; or db.create_collection({name!r})"
            yield Difference("collection_missing", name, "collection", "", mend)
    for name in indexes.keys() - wanted.keys():
        yield Difference("collection_extra", name, "", "collection", f"db.{name}.drop()")


def _validator(collection: Collection, found: Mapping[str, Any]) -> Iterator[Difference]:
    if collection.validator != found:
        mend = f"db.command('collMod', {collection.name!r}, validator={dict(collection.validator)!r})"
        yield Difference("validator", collection.name, _text(collection.validator), _text(found), mend)


def _indexes(collection: Collection, found: list[Mapping[str, Any]]) -> Iterator[Difference]:
    live = {index["name"]: _live_text(index) for index in found if index["name"] != _ALWAYS}
    wanted = {index.name: index for index in collection.indexes}
    for name, index in wanted.items():
        text, make = _index_text(index), _create(collection.name, index)
        if name not in live:
            yield Difference("mongo_index_missing", f"{collection.name}.{name}", text, "", make)
        elif live[name] != text:
            mend = f"{_drop(collection.name, name)}; {make}"
            yield Difference("mongo_index_definition", f"{collection.name}.{name}", text, live[name], mend)
    for name in live.keys() - wanted.keys():
        yield Difference("mongo_index_extra", f"{collection.name}.{name}", "", live[name], _drop(collection.name, name))


def _create(collection: str, index: Index) -> str:
    options = {**({"unique": True} if index.unique else {}), **index.options}
    extra = "".join(f", {key}={value!r}" for key, value in options.items())
    return f"db.{collection}.create_index({list(index.keys)!r}, name={index.name!r}{extra})"


def _drop(collection: str, name: str) -> str:
    return f"db.{collection}.drop_index({name!r})"


def _index_text(index: Index) -> str:
    return _definition(index.keys, {**({"unique": True} if index.unique else {}), **index.options})


def _live_text(index: Mapping[str, Any]) -> str:
    options = {key: value for key, value in index.items() if key not in _BOOKKEEPING and value is not False}
    return _definition(tuple(index["key"].items()), options)


def _definition(keys: Iterable[tuple[str, Any]], options: Mapping[str, Any]) -> str:
    columns = ", ".join(
        f"{name} {int(direction) if isinstance(direction, float) else direction}" for name, direction in keys
    )
    return f"({columns})" + (f" {_text(options)}" if options else "")


def _text(value: Mapping[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, default=str) if value else "none"
