"""One service's declared collections against its MongoDB database: options, indexes, validators, the user's role.

What mends a difference is one Python expression for `autional db shell --write`; advice begins with `#`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from autional_cli.drift.model import Difference, ServiceDrift
from autional_cli.drift.surroundings import OPERATOR

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from services.chassis.documents import Collection, Index

TIMEOUT_MS = 3_000
_ALWAYS = "_id_"
_BOOKKEEPING = ("v", "key", "name", "ns", "background")
# Options of a collection that `collMod` sets, and what the server takes when nothing was said.
_CHECKED = {"validationLevel": ("validator_level", "strict"), "validationAction": ("validator_action", "error")}
_HARMLESS = ("validator", "size", "max", "storageEngine", "indexOptionDefaults", "flags", "autoIndexId")
_WRITING = ("readWrite", "dbOwner", "readWriteAnyDatabase", "root", "__system")


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
            live = {found["name"]: found for found in db.list_collections() if not found["name"].startswith("system.")}
            indexes: dict[str, list[Mapping[str, Any]]] = {
                name: list(db[name].list_indexes()) if _kind(found) == "collection" else []
                for name, found in live.items()
            }
            status = db.command("connectionStatus", showPrivileges=True)["authInfo"]
    except PyMongoError as failure:
        raise ConnectionError(str(failure)) from failure
    return ServiceDrift(service, "", "", (*_role(status, db.name), *compare(declared, live, indexes)))


def _role(status: Mapping[str, Any], database: str) -> Iterator[Difference]:
    """Yield a difference if the user may not read and write its database. A server without users lets anybody."""
    roles = [f"{each['role']} on {each['db']}" for each in status.get("authenticatedUserRoles", ())]
    granted = [set(each["actions"]) for each in status.get("authenticatedUserPrivileges", ())]
    wanted = [f"{role} on {db}" for role in _WRITING for db in (database, "admin")]
    writes = any(role in wanted for role in roles) or any({"find", "insert", "update"} <= each for each in granted)
    for user in status.get("authenticatedUsers", ()):
        if not writes:
            role = {"role": "readWrite", "db": database}
            mend = f"db.client.admin.command('updateUser', {user['user']!r}, roles=[{role!r}])"
            there = ", ".join(roles) or "none"
            yield Difference("mongo_role", user["user"], f"readWrite on {database}", there, mend, by=OPERATOR)


def _kind(found: Mapping[str, Any]) -> str:
    """Return `collection`, `view` or `timeseries`, whatever a server calls the last one."""
    return "timeseries" if "timeseries" in found.get("options", {}) else str(found.get("type", "collection"))


def compare(
    declared: Iterable[Collection],
    live: Mapping[str, Mapping[str, Any]],
    indexes: Mapping[str, list[Mapping[str, Any]]],
) -> Iterator[Difference]:
    """Yield every difference. A collection with neither index nor validator need not exist yet."""
    wanted = {collection.name: collection for collection in declared}
    for name, collection in wanted.items():
        if name in live:
            yield from _collection(collection, live[name], indexes[name])
        elif collection.indexes or collection.validator:
            yield Difference("collection_missing", name, "collection", "", _create_collection(collection))
    for name in sorted(live.keys() - wanted.keys()):
        kind, drop = _kind(live[name]), f"db[{name!r}].drop()"
        mend = drop if kind == "view" else f"{drop} if db[{name!r}].find_one() is None else '{name} holds documents'"
        yield Difference("collection_extra", name, "", kind, mend)


def _collection(
    collection: Collection, found: Mapping[str, Any], indexes: list[Mapping[str, Any]]
) -> Iterator[Difference]:
    kind, options = _kind(found), found.get("options", {})
    anew = f"# copy {collection.name} elsewhere, drop it, restart the service, which creates it, and copy it back"
    if kind != "collection":
        yield Difference("collection_kind", collection.name, "collection", kind, anew)
        return
    others = {key: value for key, value in options.items() if key not in (*_HARMLESS, *_CHECKED) and value}
    if others:
        yield Difference("collection_options", collection.name, "none", _text(others), anew)
    yield from _validator(collection, options)
    yield from _indexes(collection, indexes)


def _validator(collection: Collection, options: Mapping[str, Any]) -> Iterator[Difference]:
    change = f"db.command('collMod', {collection.name!r}, "
    found = options.get("validator", {})
    if collection.validator != found:
        mend = f"{change}validator={dict(collection.validator)!r})"
        yield Difference("validator", collection.name, _text(collection.validator), _text(found), mend)
    for option, (kind, usual) in _CHECKED.items():
        value = options.get(option, usual)
        if value != usual and (collection.validator or found):
            yield Difference(kind, collection.name, usual, str(value), f"{change}{option}={usual!r})")


def _create_collection(collection: Collection) -> str:
    validator = f", validator={dict(collection.validator)!r}" if collection.validator else ""
    made = [f"db.create_collection({collection.name!r}{validator})"]
    return f"[{', '.join([*made, *(_create(collection.name, index) for index in collection.indexes)])}]"


def _indexes(collection: Collection, found: list[Mapping[str, Any]]) -> Iterator[Difference]:
    live = {index["name"]: _live_text(index) for index in found if index["name"] != _ALWAYS}
    wanted = {index.name: index for index in collection.indexes}
    for name, index in wanted.items():
        text, make = _index_text(index), _create(collection.name, index)
        if name not in live:
            yield Difference("mongo_index_missing", f"{collection.name}.{name}", text, "", make)
        elif live[name] != text:
            mend = f"[{_drop(collection.name, name)}, {make}]"
            yield Difference("mongo_index_definition", f"{collection.name}.{name}", text, live[name], mend)
    for name in live.keys() - wanted.keys():
        yield Difference("mongo_index_extra", f"{collection.name}.{name}", "", live[name], _drop(collection.name, name))


def _create(collection: str, index: Index) -> str:
    options = {**({"unique": True} if index.unique else {}), **index.options}
    extra = "".join(f", {key}={value!r}" for key, value in options.items())
    return f"db[{collection!r}].create_index({list(index.keys)!r}, name={index.name!r}{extra})"


def _drop(collection: str, name: str) -> str:
    return f"db[{collection!r}].drop_index({name!r})"


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
