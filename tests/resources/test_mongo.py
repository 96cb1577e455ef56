"""The embedded MongoDB-protocol server, as a real server in a process of its own."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING, Any

import pytest
from pymongo import MongoClient

from autional_cli.errors import AutionalError

from .running import AUDIT, IDENTITY, build, running, snapshot

if TYPE_CHECKING:
    from collections.abc import Callable

    from autional_cli.drivers.base import Resource
    from autional_cli.instance import Instance


async def use(url: str, work: Callable[[MongoClient[dict[str, Any]]], Any]) -> Any:
    """Run `work` with a client, off the event loop."""

    def call() -> Any:
        with MongoClient[dict[str, Any]](url, serverSelectionTimeoutMS=5000, socketTimeoutMS=5000) as client:
            return work(client)

    return await asyncio.to_thread(call)


async def insert(url: str, **document: Any) -> None:
    await use(url, lambda client: client.get_default_database()["events"].insert_one(document))


async def count(url: str) -> Any:
    return await use(url, lambda client: client.get_default_database()["events"].count_documents({}))


async def test_data_survives_a_restart_and_kill_9(platform: dict[str, Resource]) -> None:
    mongo = platform["mongo"]
    async with running(mongo) as server:
        await insert(mongo.url_for(AUDIT), a=1)
        assert await server.stop() == 0
    async with running(mongo) as server:
        await insert(mongo.url_for(AUDIT), a=2)
        await server.kill()
    async with running(mongo):
        assert await count(mongo.url_for(AUDIT)) == 2


async def test_an_interrupted_creation_leaves_neither_files_nor_a_process(
    empty: dict[str, Resource], instance: Instance
) -> None:
    task = asyncio.create_task(empty["mongo"].prepare())
    async with asyncio.timeout(10):
        while not list(instance.data_dir.glob(".mongo.*.new/WiredTiger")):  # noqa: ASYNC110 - another program's progress
            await asyncio.sleep(0.005)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not list(instance.data_dir.iterdir())
    assert not processes_below(instance)


async def test_a_creation_whose_supervisor_is_killed_leaves_no_process(instance: Instance) -> None:
    program = (
        "import asyncio, sys; from pathlib import Path; from resources.running import Instance, build; "
        "asyncio.run(build(Instance.open(Path(sys.argv[1]), 'test'))['mongo'].prepare())"
    ).replace("resources.running", build.__module__)
    paths = os.pathsep.join(path for path in sys.path if path)
    creator = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program, str(instance.root)), env={**os.environ, "PYTHONPATH": paths}
    )
    async with asyncio.timeout(20):
        while not list(instance.data_dir.glob(".mongo.*.new/WiredTiger")):  # noqa: ASYNC110 - another program's progress
            await asyncio.sleep(0.005)
        creator.kill()
        await creator.wait()
        while processes_below(instance):  # noqa: ASYNC110 - they belong to nobody who could report
            await asyncio.sleep(0.025)


def processes_below(instance: Instance) -> list[int]:
    """Return the pids of processes whose command line names this instance."""
    import psutil

    return [p.pid for p in psutil.process_iter(["cmdline"]) if str(instance.home) in " ".join(p.info["cmdline"] or ())]


async def test_what_a_creation_left_that_was_killed_is_swept_at_the_next_start(
    empty: dict[str, Resource], instance: Instance
) -> None:
    leftover = instance.data_dir / ".mongo.abc.new"
    leftover.mkdir()
    (leftover / "WiredTiger").write_text("half")
    async with running(empty["mongo"]):
        assert [path.name for path in instance.data_dir.iterdir()] == ["mongo"]


async def test_a_configuration_of_the_users_own_has_no_effect(
    platform: dict[str, Resource], instance: Instance
) -> None:
    (instance.data_dir / "secantusd.toml").write_text("[server]\nport = 1\n")
    spec = platform["mongo"].process()
    assert spec is not None
    assert "--config" in spec.argv
    assert spec.env["HOME"] == str(instance.data_dir / "mongo")
    async with running(platform["mongo"]):
        assert await count(platform["mongo"].url_for(AUDIT)) == 0


async def test_the_server_is_never_imported_into_a_process_of_ours(platform: dict[str, Resource]) -> None:
    async with running(platform["mongo"]):
        assert not [name for name in sys.modules if name.split(".")[0] == "secantus"]


async def test_a_foreign_directory_is_named_and_left_alone(empty: dict[str, Resource], instance: Instance) -> None:
    folder = instance.data_dir / "mongo"
    folder.mkdir()
    (folder / "storage.bson").write_bytes(b"a real mongod was here")
    before = snapshot(folder)
    with pytest.raises(AutionalError, match="holds files that Autional did not put there"):
        empty["mongo"].inspect()
    assert snapshot(folder) == before


async def test_damaged_data_is_named_and_left_alone(platform: dict[str, Resource], instance: Instance) -> None:
    await platform["mongo"].prepare()
    folder = instance.data_dir / "mongo"
    (folder / "WiredTiger").unlink()
    before = snapshot(folder)
    with pytest.raises(AutionalError, match="is damaged: WiredTiger is missing"):
        platform["mongo"].inspect()
    assert snapshot(folder) == before


async def test_a_service_without_documents_gets_no_url(platform: dict[str, Resource]) -> None:
    with pytest.raises(AutionalError, match="identity does not use mongo"):
        platform["mongo"].url_for(IDENTITY)
