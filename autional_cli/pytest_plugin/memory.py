"""A tablespace in memory for the clones of tests: they live for milliseconds, and a disk need not see them.

Only for the platform's own server on this machine, on Linux, where `/dev/shm` is a tmpfs with room to spare. It goes
with the data of the instance (`autional_cli/resources/postgres.py`).
"""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from autional_cli.resources.postgres import IN_MEMORY, MEMORY

if TYPE_CHECKING:
    import asyncpg

    from autional_cli.instance import Instance

NAME = "autional_memory"
LEAST_FREE = 1 << 30  # bytes; a clone is 8 MB and what its test writes. A container has 64 MB unless told


async def tablespace(connection: asyncpg.Connection, instance: Instance) -> str:
    """Return the clause of CREATE DATABASE that puts it into memory; empty where that is not to be had."""
    where = Path(await connection.fetchval("SHOW data_directory"))
    if where != instance.data_dir / "postgres" or not has_room():
        return ""
    await connection.execute("SELECT pg_advisory_lock(hashtext($1))", NAME)
    try:
        await _ensure(connection, instance)
    finally:
        await connection.fetchval("SELECT pg_advisory_unlock(hashtext($1))", NAME)
    return f"TABLESPACE {NAME}"


async def _ensure(connection: asyncpg.Connection, instance: Instance) -> None:
    known = await connection.fetchval("SELECT pg_tablespace_location(oid) FROM pg_tablespace WHERE spcname = $1", NAME)
    if known and await connection.fetchval("SELECT count(*) FROM pg_ls_dir($1, true, false)", known):
        return
    if known:  # the machine was started anew: what was in memory is gone
        await _forget(connection)
    folder = folder_of(instance)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    await connection.execute(f"CREATE TABLESPACE {NAME} LOCATION '{folder}'")


def folder_of(instance: Instance) -> Path:
    """Return where the clones of an instance are."""
    digest = hashlib.sha256(str(instance.home).encode()).hexdigest()[:12]
    return IN_MEMORY / f"{MEMORY}{os.geteuid()}-{instance.name}-{digest}"


def has_room() -> bool:
    """Whether there is a place in memory, with room to spare."""
    try:
        found = os.statvfs(IN_MEMORY)
    except OSError:
        return False
    return os.access(IN_MEMORY, os.W_OK) and found.f_bavail * found.f_frsize >= LEAST_FREE


async def _forget(connection: asyncpg.Connection) -> None:
    """Drop the tablespace and the databases in it, whose files are gone."""
    inside = "SELECT datname FROM pg_database d JOIN pg_tablespace s ON s.oid = d.dattablespace WHERE spcname = $1"
    for (name,) in await connection.fetch(inside, NAME):
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await connection.execute(f"DROP TABLESPACE {NAME}")
