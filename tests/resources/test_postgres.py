"""The embedded PostgreSQL, as a real server."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from autional_cli.errors import AutionalError, ExitCode
from autional_cli.resources.postgres import Postgres

from .running import AUDIT, IDENTITY, SPECS, build, log_of, running, snapshot, start

if TYPE_CHECKING:
    from autional_cli.drivers.base import Resource
    from autional_cli.instance import Instance


async def connect(url: str, **options: Any) -> asyncpg.Connection:
    return await asyncpg.connect(url.replace("+asyncpg", ""), timeout=10, **options)


async def run_sql(url: str, *statements: str) -> list[Any]:
    connection = await connect(url)
    try:
        return [await connection.fetch(statement) for statement in statements]
    finally:
        await connection.close()


async def test_starts_provisions_twice_and_serves_each_service_its_own_database(empty: dict[str, Resource]) -> None:
    postgres = empty["postgres"]
    async with running(postgres):
        await postgres.provision()
        rows = await run_sql(postgres.url_for(IDENTITY), "SELECT current_user, current_database(), version()")
        assert rows[0][0][:2] == ("identity", "identity")
        assert f"PostgreSQL {postgres.version} " in rows[0][0][2]


async def test_listens_on_tcp_of_the_loopback_interface_only(platform: dict[str, Resource]) -> None:
    async with running(platform["postgres"]):
        rows = await run_sql(platform["postgres"].admin_url(), "SHOW listen_addresses", "SHOW unix_socket_directories")
        assert [row[0][0] for row in rows] == ["127.0.0.1", ""]


async def test_a_pid_file_whose_number_now_belongs_to_another_process_does_not_prevent_the_start(
    platform: dict[str, Resource], instance: Instance
) -> None:
    postgres = platform["postgres"]
    async with running(postgres):
        lines = (instance.data_dir / "postgres" / "postmaster.pid").read_text().splitlines()
    (instance.data_dir / "postgres" / "postmaster.pid").write_text("\n".join([str(os.getppid()), *lines[1:]]) + "\n")
    async with running(postgres):
        await run_sql(postgres.url_for(IDENTITY), "SELECT 1")


async def test_a_second_server_on_the_same_data_is_refused_by_name(platform: dict[str, Resource]) -> None:
    async with running(platform["postgres"]) as server:
        with pytest.raises(AutionalError, match=rf"another PostgreSQL \(pid {server.process.pid}"):
            await platform["postgres"].prepare()


async def test_new_passwords_are_taken_over_when_the_secrets_were_replaced(instance: Instance) -> None:
    async with running(build(instance)["postgres"]):
        pass
    instance.secrets_file.unlink()
    postgres = build(instance)["postgres"]
    async with running(postgres):
        await run_sql(postgres.admin_url(), "SELECT 1")
        await run_sql(postgres.url_for(IDENTITY), "SELECT 1")


async def test_a_foreign_directory_is_named_and_left_alone(empty: dict[str, Resource], instance: Instance) -> None:
    folder = instance.data_dir / "postgres"
    folder.mkdir()
    (folder / "thesis.txt").write_text("years of work")
    before = snapshot(folder)
    with pytest.raises(AutionalError, match="holds files that Autional did not put there") as caught:
        empty["postgres"].inspect()
    assert caught.value.exit_code is ExitCode.BACKEND_UNAVAILABLE
    assert str(folder) in caught.value.message
    assert snapshot(folder) == before
    await empty["postgres"].remove()
    assert snapshot(folder) == before


@pytest.mark.parametrize("missing", ["PG_VERSION", "global/pg_control"])
async def test_a_damaged_cluster_is_named_and_left_alone(
    platform: dict[str, Resource], instance: Instance, missing: str
) -> None:
    await platform["postgres"].prepare()
    folder = instance.data_dir / "postgres"
    (folder / missing).unlink()
    before = snapshot(folder)
    with pytest.raises(AutionalError, match=f"is damaged: {missing} is missing"):
        platform["postgres"].inspect()
    assert snapshot(folder) == before


async def test_a_cluster_of_another_major_version_is_named_and_left_alone(
    empty: dict[str, Resource], instance: Instance
) -> None:
    folder = instance.data_dir / "postgres"
    folder.mkdir()
    (folder / "autional.json").write_text('{"format": "postgresql-12"}')
    before = snapshot(folder)
    with pytest.raises(AutionalError, match="was made for postgresql-12, and this release runs postgresql-18"):
        empty["postgres"].inspect()
    assert snapshot(folder) == before


async def test_an_interrupted_initdb_leaves_nothing(empty: dict[str, Resource], instance: Instance) -> None:
    task = asyncio.create_task(empty["postgres"].prepare())
    async with asyncio.timeout(10):
        while not list(instance.data_dir.glob(".postgres.*.new/global")):  # noqa: ASYNC110 - another program's progress
            await asyncio.sleep(0.005)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not list(instance.data_dir.iterdir())


async def test_waiting_for_a_server_that_is_not_there_names_it(platform: dict[str, Resource]) -> None:
    with pytest.raises(AutionalError, match=r"postgres on 127\.0\.0\.1:\d+ did not answer within 0\.2 s"):
        await platform["postgres"].wait_ready(0.2)


async def test_remove_deletes_the_data_and_nothing_else(empty: dict[str, Resource], instance: Instance) -> None:
    for name in ("postgres", "redis"):
        await empty[name].prepare()
    await empty["postgres"].remove()
    assert [path.name for path in instance.data_dir.iterdir()] == ["redis"]


async def test_a_service_without_a_relational_database_gets_no_url(platform: dict[str, Resource]) -> None:
    with pytest.raises(AutionalError, match="audit does not use postgres"):
        platform["postgres"].url_for(AUDIT)


async def test_a_port_taken_meanwhile_ends_the_server_with_the_reason_in_its_log(platform: dict[str, Resource]) -> None:
    postgres = platform["postgres"]
    assert isinstance(postgres, Postgres)
    await postgres.prepare()
    holder = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", postgres.port)
    async with holder:
        server = await start(postgres.process())
        async with asyncio.timeout(10):
            assert await server.process.wait() != 0
    assert "Address already in use" in log_of(server.spec)


def test_only_services_that_need_it_bring_it_up(instance: Instance) -> None:
    assert sorted(build(instance, [AUDIT])) == ["cache", "mongo", "redis"]
    assert sorted(build(instance, SPECS)) == ["cache", "mailbox", "mongo", "objects", "postgres", "redis"]
