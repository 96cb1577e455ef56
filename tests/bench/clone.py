"""How long a test waits for a database of its own: a clone of the migrated template, made as the plugin makes it."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from autional_cli.parity.sides import Side, running
from autional_cli.pytest_plugin.databases import Database, Databases
from autional_cli.pytest_plugin.room import Room
from tests.bench.report import Result, median, quantile
from tests.platform.running import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from autional_cli.pytest_plugin.clones import Cloner

SERVICES = ("identity", "session", "notification")
DRIVER = os.environ.get("AUTIONAL_BENCH_DRIVER", "embedded")
EACH = int(os.environ.get("AUTIONAL_BENCH_CLONES", "60"))
AT_MOST_MS = 50
WRITE = "INSERT INTO outbox (event_id, type, subject, data, traceparent) VALUES (gen_random_uuid(), 'a', 'b', '{}', '')"


def measure() -> Result:
    """Clone the databases of some services again and again, with the whole platform running beside it, unused."""
    result = Result(name=f"database clone per test, {DRIVER}, {EACH * len(SERVICES)} tests")
    with maker() as databases:
        first = [one_test(databases, service) for service in SERVICES]
        waited = [one_test(databases, service) for service in SERVICES for _ in range(EACH)]
    with maker() as databases:
        made, dropped = zip(*(on_demand(databases, service) for service in SERVICES for _ in range(EACH)), strict=True)
    result.add("first of a service: template made and cloned, worst", max(first), "ms")
    result.add("wait of a test for its clone, P50", median(waited), "ms", at_most=AT_MOST_MS)
    result.add("wait of a test for its clone, P99", quantile(waited, 0.99), "ms")
    result.add("clone while none is being dropped, P50", median(made), "ms", at_most=AT_MOST_MS)
    result.add("clone while none is being dropped, P99", quantile(made, 0.99), "ms")
    result.add("drop, P50", median(dropped), "ms")
    return result


@contextmanager
def maker() -> Iterator[Databases]:
    """Start a platform, and what makes databases on it."""
    with running(ROOT, Side(DRIVER), 0, lambda _: None) as platform, Room() as room:
        databases = Databases(platform, room)
        yield databases
        databases.close()


def one_test(databases: Databases, service: str) -> float:
    """Do what a test of a store does, writing and reading a row; return the ms that it waited for its clone."""
    began = time.perf_counter()
    made = databases.make(service)
    waited = (time.perf_counter() - began) * 1000
    assert isinstance(made, Database)
    made.execute(WRITE)
    assert len(made.rows("SELECT type FROM outbox")) == 1
    databases.remove(made)
    return waited


def on_demand(databases: Databases, service: str) -> tuple[float, float]:
    """Make a clone while nothing is being dropped, and remove it; return the milliseconds of both."""
    cloner, room = databases.cloner, databases.room
    began = time.perf_counter()
    name, _ = room.run(cloner.clone(service))
    took = time.perf_counter()
    room.run(dropped(cloner, name))
    return (took - began) * 1000, (time.perf_counter() - took) * 1000


async def dropped(cloner: Cloner, name: str) -> None:
    """Drop a clone and wait for it."""
    await (await cloner.drop(name))
