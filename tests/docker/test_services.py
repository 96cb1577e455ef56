"""Services as containers of the image: used, drained, rolled, killed and removed."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from autional_cli.drivers.docker.container import Place
from autional_cli.instance import Instance
from tests.docker.conftest import belongings, container_of
from tests.export import images

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.platform.running import Platform

pytestmark = [pytest.mark.docker, pytest.mark.timeout(500)]


@pytest.fixture
def platform(contained: Platform) -> Iterator[Platform]:
    """The login stack: embedded servers, services in containers."""
    images.build()
    up(contained)
    yield contained
    assert contained.run("down").returncode == 0
    running = [container_of(contained, name)["State"]["Running"] for name in ("gateway", "session")]
    assert running == [False, False]


def up(platform: Platform) -> dict[str, Any]:
    """Start it."""
    return platform.up("--stack", "login", "--services", "docker", "--image", images.TAG, "--timeout", "150")


def test_a_journey_is_served_by_containers_that_are_drained_rolled_and_come_back(platform: Platform) -> None:
    status = platform.status()
    assert {resource["driver"] for resource in status["resources"]} == {"embedded"}
    found = container_of(platform, "gateway")
    assert found["Config"]["User"] == f"{os.getuid()}:{os.getgid()}"
    assert (found["HostConfig"]["ReadonlyRootfs"], found["HostConfig"]["CapDrop"]) == (True, ["ALL"])
    smoke = platform.json("smoke")
    assert smoke["ok"]
    assert smoke["trace"]["complete"]

    drained = platform.json("drain", "session")
    steps = [step["name"] for step in drained["services"][0]["steps"]]
    assert (drained["lost_requests"], steps[0], steps[-1]) == (0, "readiness", "telemetry")
    up(platform)

    refused = platform.run("drain", "--restart", "session")
    assert refused.returncode != 0
    assert "autional scale session=2" in refused.stderr
    assert platform.run("scale", "session=2").returncode == 0
    rolled = platform.json("drain", "--restart", "session")
    assert [service["name"] for service in rolled["services"]] == ["session", "session-1"]
    assert rolled["lost_requests"] == 0
    assert platform.run("scale", "session=1").returncode == 0

    before = container_of(platform, "mfa")["State"]["StartedAt"]
    name = f"{Place.of(Instance.open(platform.root, platform.instance)).prefix}-mfa"
    subprocess.run(["docker", "kill", name], check=True, capture_output=True)
    assert platform.run("wait", "mfa", "--timeout", "60").returncode == 0
    assert container_of(platform, "mfa")["State"]["StartedAt"] != before
    assert platform.json("smoke")["ok"]


def test_an_image_that_is_not_there_and_a_change_of_mind_are_refused(contained: Platform) -> None:
    missing = contained.run("up", "--stack", "login", "--services", "docker", "--image", "autional-test/none:1")
    assert missing.returncode == 4
    assert "there is no image autional-test/none:1" in missing.stderr
    assert "autional image build" in missing.stderr
    changed = contained.run("up", "--stack", "login", "--services", "processes")
    assert "runs already" in changed.stderr
    odd = contained.run("up", "--services", "wings")
    assert "not as 'wings'" in odd.stderr
    assert not belongings(contained)
