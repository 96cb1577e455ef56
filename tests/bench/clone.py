"""How long a test waits for a database of its own: a clone of the migrated template, made as the plugin makes it."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from autional_cli.parity.sides import Side, running
from autional_cli.pytest_plugin.databases import Databases
from autional_cli.pytest_plugin.room import Room
from tests.bench.report import Result, median, quantile
from tests.platform.running import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVICES = ("identity", "session", "notification")
DRIVER = os.environ.get("AUTIONAL_BENCH_DRIVER", "embedded")
EACH = int(os.environ.get("AUTIONAL_BENCH_CLONES", "60"))
AT_MOST_MS = 50


def measure() -> Result:
    """Clone the databases of some services again and again, with the whole platform running beside it, unused."""
    result = Result(name=f"database clone per test, {DRIVER}, {EACH * len(SERVICES)} clones")
    with maker() as databases:
        first, made, dropped = [], [], []
        for service in SERVICES:
            first.append(once(databases, service)[0])
            for _ in range(EACH):
                took, drop = once(databases, service)
                made.append(took)
                dropped.append(drop)
    result.add("first of a service: template made and cloned, worst", max(first), "ms")
    result.add("clone, P50", median(made), "ms", at_most=AT_MOST_MS)
    result.add("clone, P99", quantile(made, 0.99), "ms")
    result.add("drop afterwards, P50", median(dropped), "ms")
    result.add("drop afterwards, P99", quantile(dropped, 0.99), "ms")
    return result


@contextmanager
def maker() -> Iterator[Databases]:
    """Start a platform, and what makes databases on it."""
    with running(ROOT, Side(DRIVER), 0, lambda _: None) as platform, Room() as room:
        databases = Databases(platform, room)
        yield databases
        databases.close()


def once(databases: Databases, service: str) -> tuple[float, float]:
    """Make and remove a database; return the milliseconds of both."""
    began = time.perf_counter()
    made = databases.make(service)
    took = time.perf_counter()
    databases.remove(made)
    return (took - began) * 1000, (time.perf_counter() - took) * 1000
