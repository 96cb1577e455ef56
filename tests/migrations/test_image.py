"""Migrations as an image applies them, and services that wait for them: real processes, a real database."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from autional_cli.migrations.apply import status, upgrade
from services.chassis.migration import SchemaError, await_schema
from services.chassis.settings import Settings
from tests.drift.databases import ROOT, execute, fetch

SERVICE = "profile"
DEADLINE_S = 60


async def job(**environment: str) -> asyncio.subprocess.Process:
    """Start `python -m services.chassis migrate profile`."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("AUTIONAL_")}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.chassis", "migrate", SERVICE),
        cwd=ROOT,
        env={**inherited, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


async def migrate(**environment: str) -> tuple[int, str]:
    """Run the job to its end; return exit code and output."""
    process = await job(**environment)
    async with asyncio.timeout(DEADLINE_S):
        output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode()


def settings(url: str, wait_s: float) -> Settings:
    """Return the settings of a service that waits for its schema."""
    nowhere = Path("/nowhere")
    return Settings(
        service=SERVICE,
        replica="profile-0",
        http_port=1,
        grpc_port=0,
        database_url=url,
        bus_url="redis://127.0.0.1:9",
        cache_url="redis://127.0.0.1:9",
        private_key_file=nowhere,
        trust_file=nowhere,
        secret="x",
        schema_wait_s=wait_s,
    )


async def test_the_job_brings_a_database_to_the_head_and_a_second_one_changes_nothing(url: str, tmp_path: Path) -> None:
    (tmp_path / "url").write_text(f"{url}\n")
    code, output = await migrate(AUTIONAL_DATABASE_URL_FILE=str(tmp_path / "url"))
    assert code == 0, output
    reached = await status(ROOT, SERVICE, url)
    assert reached.current
    assert output == f"{SERVICE} at {reached.revision}\n"
    assert await migrate(AUTIONAL_DATABASE_URL=url) == (0, output)


async def test_the_job_without_a_database_says_which_variable_is_missing() -> None:
    code, output = await migrate()
    assert code == 78
    assert "AUTIONAL_DATABASE_URL" in output


async def test_a_job_that_is_stopped_does_not_say_that_it_is_done() -> None:
    asked = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await reader.read()
        writer.close()

    database = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with database:
        port = database.sockets[0].getsockname()[1]
        process = await job(AUTIONAL_DATABASE_URL=f"postgresql+asyncpg://profile@127.0.0.1:{port}/profile")
        async with asyncio.timeout(DEADLINE_S):
            await asked.wait()
            process.send_signal(signal.SIGTERM)
            await process.communicate()
    assert process.returncode == 128 + signal.SIGTERM


async def test_two_jobs_at_once_take_turns(url: str) -> None:
    codes = [code for code, _ in await asyncio.gather(*(migrate(AUTIONAL_DATABASE_URL=url) for _ in range(2)))]
    assert codes == [0, 0]
    assert await fetch(url, "SELECT count(*) FROM alembic_version") == [(1,)]


async def test_a_service_waits_until_the_schema_is_there(url: str) -> None:
    waiting = asyncio.ensure_future(await_schema(settings(url, DEADLINE_S)))
    reached = await upgrade(ROOT, SERVICE, url)
    assert await waiting == reached.revision


async def test_a_service_that_waited_long_enough_says_what_is_missing(url: str) -> None:
    with pytest.raises(SchemaError, match=r"at no revision after 0\.1 s.*migration job"):
        await await_schema(settings(url, 0.1))


async def test_a_release_that_was_rolled_back_serves_on_a_later_schema(url: str) -> None:
    await upgrade(ROOT, SERVICE, url)
    await execute(url, "UPDATE alembic_version SET version_num = 'profile_9999'")
    assert await await_schema(settings(url, 1.0)) == "profile_9999"
