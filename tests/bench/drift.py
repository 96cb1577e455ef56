"""Drift over sixteen services' databases in one process, against a loop of `alembic check` processes."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

from autional_cli.drift import Target, compare
from autional_cli.migrations.apply import upgrade
from autional_cli.migrations.scratch import scratch_database
from tests.bench.report import Result, median
from tests.drift.databases import ROOT, Databases, databases

_SERVICES = 16
_ROUNDS = 3
_TEMPLATES = ("identity", "session", "mfa", "profile", "notification")
_ENV = """
import asyncio, importlib, os
from alembic import context
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool
import alembic_postgresql_enum  # noqa: F401

metadata = importlib.import_module(f"services.{os.environ['SERVICE']}.models").Base.metadata

def work(connection):
    context.configure(
        connection=connection, target_metadata=metadata, compare_type=True, compare_server_default=True
    )
    with context.begin_transaction():
        context.run_migrations()

async def main():
    engine = create_async_engine(os.environ["URL"], poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(work)
    await engine.dispose()

asyncio.run(main())
"""
_ONE_PROCESS = """
import asyncio, json, os, sys
from pathlib import Path
from autional_cli.drift import Target, compare
wanted = [Target(name, "postgres", url) for name, url in json.loads(os.environ["TARGETS"]).items()]
sys.exit(0 if all(one.clean for one in asyncio.run(compare(Path(sys.argv[1]), wanted))) else 7)
"""


_ALEMBIC = """
import sys
import services
services.__path__.append(sys.argv.pop(1))
from alembic.config import main
main()
"""


def measure() -> Result:
    """Compare whole processes, interpreter start included, in turn; and the comparison alone."""
    with tempfile.TemporaryDirectory(prefix="autional-bench-") as folder, databases(Path(folder) / "data") as servers:
        return asyncio.run(_measure(Path(folder) / "made", servers))


async def _measure(root: Path, servers: Databases) -> Result:
    result = Result(name=f"drift over {_SERVICES} services")
    names = [make_service(root, number) for number in range(_SERVICES)]
    (root / "env.py").write_text(_ENV)
    async with AsyncExitStack() as stack:
        urls = {name: await stack.enter_async_context(scratch_database(servers.operator_url)) for name in names}
        for name, url in urls.items():
            await upgrade(root, name, url)
        times: dict[str, list[float]] = {"loop": [], "one": [], "inside": []}
        for _ in range(_ROUNDS):
            times["one"].append(await asyncio.to_thread(one_process, root, urls))
            times["loop"].append(
                await asyncio.to_thread(lambda: sum(alembic_check(root, *each) for each in urls.items()))
            )
            started = time.perf_counter()
            found = await compare(root, [Target(name, "postgres", url) for name, url in urls.items()])
            times["inside"].append(time.perf_counter() - started)
            assert all(one.clean for one in found)
    result.add(f"{_SERVICES} processes of alembic check, median", median(times["loop"]), "s")
    result.add("drift, one process, median", median(times["one"]), "s")
    result.add("drift / loop", median(times["one"]) / median(times["loop"]), "", at_most=0.25)
    result.add("the comparison alone, median", median(times["inside"]), "s")
    return result


def make_service(root: Path, number: int) -> str:
    """Write a service with the models and revisions of a real one, under a name of its own."""
    template = _TEMPLATES[number % len(_TEMPLATES)]
    name = f"bench{number:02}"
    models, revisions = root / "services" / name / "models.py", root / "migrations" / name
    models.parent.mkdir(parents=True)
    revisions.mkdir(parents=True)
    shutil.copy(ROOT / "services" / template / "models.py", models)
    (models.parent / "__init__.py").write_text("")
    shutil.copy(ROOT / "migrations" / "env.py", root / "migrations" / "env.py")
    for path in sorted((ROOT / "migrations" / template).glob("0*.py")):
        (revisions / path.name).write_text(path.read_text().replace(f'"{template}_', f'"{name}_'))
    (root / f"{name}.ini").write_text(
        f"[alembic]\nscript_location = {root}\nversion_locations = {revisions}\npath_separator = os\n"
    )
    return name


def one_process(root: Path, urls: dict[str, str]) -> float:
    """Return the seconds of one process that compares all services."""
    return timed([sys.executable, "-c", _ONE_PROCESS, str(root)], {"TARGETS": json.dumps(urls)})


def alembic_check(root: Path, name: str, url: str) -> float:
    """Return the seconds of `alembic check` for one service; it knows nothing of CHECK bodies and most else."""
    argv = [sys.executable, "-c", _ALEMBIC, str(root / "services"), "-c", str(root / f"{name}.ini"), "check"]
    return timed(argv, {"SERVICE": name, "URL": url})


def timed(argv: list[str], given: dict[str, str]) -> float:
    """Run a process that must succeed and return its seconds."""
    started = time.perf_counter()
    done = subprocess.run(argv, cwd=ROOT, env={**os.environ, **given}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return time.perf_counter() - started
