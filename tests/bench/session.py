"""A test session of integration tests: one platform for all of it, against a set of servers for every module.

The same files are run both ways, one way after the other. The set of servers of a module is what the module's service
stands on, as a fixture with the scope of a module would start it: an instance of the embedded driver, or containers
where AUTIONAL_BENCH_DRIVER=docker. Each module has its own session of pytest in neither case.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.report import Result
from tests.platform.running import ROOT

DRIVER = os.environ.get("AUTIONAL_BENCH_DRIVER", "embedded")
MODULES = int(os.environ.get("AUTIONAL_BENCH_MODULES", "10"))
TESTS = 5
RUN_S = 1800
LEAN = ("-p", "no:cacheprovider", "-p", "no:schemathesis", "-q")
# The plugin's own fixture, started and ended with each module instead of with the session.
PER_MODULE = """
import uuid

import pytest

from autional_cli.pytest_plugin import options
from autional_cli.pytest_plugin.lease import Lease
from autional_cli.pytest_plugin.running import Shown, bring_up, leave


@pytest.fixture(scope="module")
def platform(request):
    from dataclasses import replace

    chosen = replace(options.chosen(request.config), instance=f"test-{uuid.uuid4().hex[:12]}")
    lease = Lease(chosen.home())
    try:
        yield bring_up(chosen, lease, Shown(print, aloud=False))
    finally:
        leave(chosen, lease)


@pytest.fixture(scope="module")
def platform_databases(platform, platform_room):
    from autional_cli.pytest_plugin.databases import Databases

    made = Databases(platform, platform_room)
    yield made
    made.close()
"""
MODULE = """
import pytest


@pytest.mark.parametrize("number", range({tests}))
def test_a_user_and_a_database(client, user, database, number):
    assert client.get("/api/v1/me").expect(200).data["identity"]["email"] == user.email
    assert database("identity").rows("SELECT count(*) AS n FROM users") == [{{"n": 0}}]
"""


def measure() -> Result:
    """Run the files both ways and compare."""
    result = Result(name=f"test session, {MODULES * TESTS} integration tests in {MODULES} modules, {DRIVER}")
    with tempfile.TemporaryDirectory(prefix="autional-bench-") as folder:
        for number in range(MODULES):
            (Path(folder) / f"test_{number}.py").write_text(MODULE.format(tests=TESTS), encoding="utf-8")
        one = seconds(Path(folder))
        (Path(folder) / "conftest.py").write_text(PER_MODULE, encoding="utf-8")
        many = seconds(Path(folder))
    result.add("one platform for the session", one, "s")
    result.add("a set of servers for every module", many, "s")
    result.add("ratio", many / one, "times", at_least=1)
    return result


def seconds(folder: Path) -> float:
    """Return how long pytest takes for the tests of a folder, all of which must pass."""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *LEAN, f"--platform-driver={DRIVER}"],
        cwd=folder,
        env={**os.environ, "AUTIONAL_WORKSPACE": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=RUN_S,
        check=False,
    )
    if f"{MODULES * TESTS} passed" not in done.stdout:
        raise RuntimeError(f"the session failed:\n{done.stdout}\n{done.stderr}")
    return time.perf_counter() - began
