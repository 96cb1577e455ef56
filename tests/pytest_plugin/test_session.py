"""One session of somebody else's repository, with two workers: every fixture, and what the report of a failure has.

The platform is started once for all of it; each test here looks at another side of what that run said.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from autional_cli.resources.postgres import IN_MEMORY
from tests.pytest_plugin.scratch import GONE_S, ROOT, Run, Scratch

pytestmark = pytest.mark.timeout(300)
HERE = Path(__file__).parent
FIXTURES = (HERE / "their_fixtures.py").read_text(encoding="utf-8")
FAILING = (HERE / "their_failures.py").read_text(encoding="utf-8")
EXAMPLE = re.search(r"```python\n(.*?)```", (ROOT / "docs" / "pytest.md").read_text(encoding="utf-8"), re.DOTALL)


# The images that the docker driver needs are made by tests/docker.
DRIVERS = ("embedded", pytest.param("docker", marks=pytest.mark.docker))


@pytest.fixture(scope="module", params=DRIVERS)
def driver(request: pytest.FixtureRequest) -> str:
    """How the servers run."""
    return str(request.param)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory, driver: str) -> Scratch:
    """A folder outside of ours; it names no workspace, so that of the installed package is used."""
    assert EXAMPLE is not None
    made = Scratch(folder=tmp_path_factory.mktemp(f"theirs-{driver}-"), workspace=ROOT)
    made.write("test_example.py", EXAMPLE[1])
    made.write("test_fixtures.py", FIXTURES)
    made.write("test_failing.py", FAILING)
    return made


@pytest.fixture(scope="module")
def ran(repository: Scratch, driver: str) -> Iterator[Run]:
    """That run."""
    yield repository.run("-n", "2", "-v", f"--platform-driver={driver}")


def test_the_example_of_the_documentation_works_as_it_stands(ran: Run) -> None:
    assert EXAMPLE is not None
    assert len([line for line in EXAMPLE[1].splitlines() if line.strip()]) <= 10
    names = re.findall(r"def (test_\w+)", EXAMPLE[1])
    assert [ran.outcomes()[name] for name in names] == ["passed", "passed"], ran.output


def test_every_fixture_does_what_it_says(ran: Run) -> None:
    names = re.findall(r"def (test_\w+)", FIXTURES)
    assert len(names) >= 12
    assert {name: ran.outcomes()[name] for name in names} == dict.fromkeys(names, "passed"), ran.output


def test_all_workers_share_one_platform(ran: Run, repository: Scratch) -> None:
    notes = list(repository.folder.glob("used-gw*"))
    assert {path.name.split("-")[1] for path in notes} == {"gw0", "gw1"}
    assert len({path.read_text() for path in notes}) == 1, "two supervisors"


def test_nothing_is_left_of_the_platform(ran: Run, repository: Scratch) -> None:
    instance = (repository.folder / "used-instance").read_text()
    deadline = time.monotonic() + GONE_S  # the warden ends a moment after the last user
    while (left := [line for line in repository.processes() if instance in line]) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not left
    assert instance not in repository.instances()
    assert not list(IN_MEMORY.glob(f"*{instance}*"))


@pytest.mark.parametrize("where", ["terminal", "junit"])
def test_a_failure_shows_requests_waterfall_and_logs(ran: Run, where: str) -> None:
    said = ran.output if where == "terminal" else ran.failure("test_that_fails")
    assert ran.outcomes()["test_that_fails"] == "failure"
    assert "autional: requests of this test" in said
    assert "GET /api/v1/me → 200  trace " in said
    assert "autional: asked of trace" in said
    assert re.search(r"queries of all services: \d of them:\n  1\. \w+: SELECT", said)
    assert "autional: trace of GET /api/v1/me" in said
    assert re.search(r"gateway +GET /api/v1/me .*█", said)
    assert "complete: every span that is named is here" in said
    assert "autional: logs of GET /api/v1/me" in said
    assert re.search(r"gateway +info +request method=GET route=/api/v1/me status=200", said)


def test_a_failure_shows_them_though_the_test_asked_for_no_trace(ran: Run) -> None:
    said = ran.failure("test_that_fails_without_asking_for_a_trace")
    assert "autional: trace of GET /api/v1/profile/me" in said
    assert "autional: logs of GET /api/v1/profile/me" in said
