"""What PostgreSQL must do whichever driver runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg
import pytest

from autional_cli.errors import AutionalError

from .running import AUDIT, IDENTITY, SESSION, log_of, running
from .test_postgres import connect, run_sql

if TYPE_CHECKING:
    from .running import Either


async def test_a_role_owns_its_database_and_may_create_tables_in_it(either: Either) -> None:
    resources = either.build()
    async with running(resources["postgres"]) as _:
        await run_sql(resources["postgres"].url_for(SESSION), "CREATE SCHEMA s", "CREATE TABLE t (id int)")


async def test_identity_cannot_connect_to_the_database_of_session(either: Either) -> None:
    resources = either.build()
    postgres = resources["postgres"]
    async with running(postgres):
        with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError, match="pg_hba"):
            await connect(postgres.url_for(IDENTITY), database="session")
        for shared in ("postgres", "template1"):
            with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError):
                await connect(postgres.url_for(IDENTITY), database=shared)
        grants = await run_sql(
            postgres.admin_url(),
            "SELECT datname FROM pg_database WHERE has_database_privilege('identity', datname, 'CONNECT')",
        )
        # template0 takes no connections at all
        assert {row[0] for row in grants[0]} - {"template0"} == {"identity"}


async def test_a_wrong_password_is_refused(either: Either) -> None:
    resources = either.build()
    async with running(resources["postgres"]):
        with pytest.raises(asyncpg.InvalidPasswordError):
            await connect(resources["postgres"].url_for(IDENTITY), password="guess")


async def test_no_password_reaches_the_log_or_the_command_line(either: Either) -> None:
    postgres = either.build(postgres={"log_statement": "all"})["postgres"]
    async with running(postgres) as server:
        log = log_of(server.spec)
        assert "CREATE ROLE" in log
        secrets = (
            postgres.admin_url().split(":")[2].split("@")[0],
            postgres.url_for(IDENTITY).split(":")[2].split("@")[0],
        )
        for secret in secrets:
            assert secret not in log
            assert secret not in " ".join(server.spec.argv)


def test_a_service_without_a_database_gets_no_url(either: Either) -> None:
    resources = either.build()
    for name, stranger in (("postgres", AUDIT), ("mongo", IDENTITY)):
        with pytest.raises(AutionalError, match=f"{stranger.name} does not use {name}"):
            resources[name].url_for(stranger)


async def test_settings_of_the_stack_reach_the_server_but_cannot_move_it(either: Either) -> None:
    postgres = either.build(postgres={"work_mem": "8MB", "listen_addresses": "192.0.2.1"})["postgres"]
    async with running(postgres):
        assert (await run_sql(postgres.admin_url(), "SHOW work_mem"))[0][0][0] == "8MB"


async def test_data_survives_a_restart(either: Either) -> None:
    resources = either.build()
    postgres = resources["postgres"]
    async with running(postgres):
        await run_sql(postgres.url_for(IDENTITY), "CREATE TABLE kept (id int)", "INSERT INTO kept VALUES (7)")
    async with running(postgres):
        assert (await run_sql(postgres.url_for(IDENTITY), "SELECT id FROM kept"))[0][0][0] == 7


async def test_nothing_committed_is_lost_by_kill_9(either: Either) -> None:
    resources = either.build()
    postgres = resources["postgres"]
    async with running(postgres) as server:
        await run_sql(postgres.url_for(IDENTITY), "CREATE TABLE kept (id int)", "INSERT INTO kept VALUES (7)")
        await either.kill(postgres, server)
    async with running(postgres):
        assert (await run_sql(postgres.url_for(IDENTITY), "SELECT id FROM kept"))[0][0][0] == 7


async def test_roles_added_later_reach_a_running_server(either: Either) -> None:
    async with running(either.build([IDENTITY])["postgres"]):
        larger = either.build()["postgres"]
        await larger.provision()
        await run_sql(larger.url_for(SESSION), "SELECT 1")
