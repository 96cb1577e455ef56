"""What the document store must do whichever driver runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pymongo.errors import OperationFailure

from .running import AUDIT, RISK, running
from .test_mongo import count, insert, use

if TYPE_CHECKING:
    from collections.abc import Callable

    from pymongo import MongoClient

    from .running import Either


async def test_starts_provisions_twice_and_serves_each_service_its_own_database(either: Either) -> None:
    resources = either.build()
    mongo = resources["mongo"]
    async with running(mongo):
        await mongo.provision()
        await insert(mongo.url_for(AUDIT), a=1)
        assert await count(mongo.url_for(AUDIT)) == 1
        assert await count(mongo.url_for(RISK)) == 0


async def test_audit_can_neither_read_nor_write_the_database_of_risk(either: Either) -> None:
    resources = either.build()
    mongo = resources["mongo"]
    attempts: list[Callable[[MongoClient[dict[str, Any]]], Any]] = [
        lambda client: client["risk"]["events"].insert_one({}),
        lambda client: client["risk"]["events"].find_one(),
        lambda client: client["risk"].list_collection_names(),
        lambda client: client["admin"].command("usersInfo"),
        lambda client: client["admin"].command("createUser", "x", pwd="x", roles=["root"]),
    ]
    async with running(mongo):
        for attempt in attempts:
            with pytest.raises(OperationFailure, match="not authorized"):
                await use(mongo.url_for(AUDIT), attempt)


async def test_nobody_gets_in_without_the_password(either: Either) -> None:
    resources = either.build()
    mongo = resources["mongo"]
    bare = f"mongodb://127.0.0.1:{mongo.ports[0]}/audit?directConnection=true"
    async with running(mongo):
        with pytest.raises(OperationFailure):
            await count(bare)
        with pytest.raises(OperationFailure):
            await count(mongo.url_for(AUDIT).replace("audit:", "audit:x"))


async def test_users_added_later_reach_a_running_server(either: Either) -> None:
    async with running(either.build([AUDIT])["mongo"]):
        larger = either.build()["mongo"]
        await larger.provision()
        assert await count(larger.url_for(RISK)) == 0


async def test_data_survives_a_restart_and_kill_9(either: Either) -> None:
    mongo = either.build()["mongo"]
    async with running(mongo) as server:
        await insert(mongo.url_for(AUDIT), a=1)
        assert await server.stop() == 0
    async with running(mongo) as server:
        await insert(mongo.url_for(AUDIT), a=2)
        await either.kill(mongo, server)
    async with running(mongo):
        assert await count(mongo.url_for(AUDIT)) == 2
