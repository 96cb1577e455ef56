"""The login stack on containers: used, broken, stopped, started again, removed."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING, Any

import pytest

from autional_cli.drivers.docker import container
from autional_cli.supervisor.client import connect

from .conftest import belongings, container_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.platform.running import Platform

pytestmark = [pytest.mark.docker, pytest.mark.timeout(400)]

UP = ("up", "--stack", "login", "--driver", "docker", "--timeout", "150")
RESOURCES = {"postgres", "redis", "cache", "mongo", "mailbox", "jaeger"}


def up(platform: Platform) -> dict[str, Any]:
    """Start the platform."""
    done = platform.json(*UP)
    assert done["state"] == "ready"
    assert isinstance(done, dict)
    return done


def eventually(holds: Callable[[], object], what: str, timeout_s: float = 60.0) -> None:
    """Return once `holds()` is true."""
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline, f"waited {timeout_s} s for {what}"
        time.sleep(0.1)


def running(platform: Platform) -> set[str]:
    """Return the resources whose containers run."""
    names = set()
    for resource in RESOURCES:
        state = container_of(platform, resource)["State"]
        assert isinstance(state, dict)
        if state["Running"]:
            names.add(resource)
    return names


def ready(platform: Platform, name: str, restarts: int) -> bool:
    """Whether a resource is ready again after so many restarts."""
    unit = next(unit for unit in platform.status()["resources"] if unit["name"] == name)
    return bool(unit["state"] == "ready" and unit["restarts"] >= restarts)


def test_a_journey_is_served_traced_by_jaeger_and_its_data_outlives_down(contained: Platform) -> None:
    status = up(contained)
    assert status["driver"] == "docker"
    assert {unit["name"]: unit["driver"] for unit in status["resources"]} == dict.fromkeys(RESOURCES, "docker")
    smoke = contained.json("smoke")
    assert smoke["ok"]
    assert smoke["trace"]["backend"] == "jaeger"
    assert smoke["trace"]["complete"]
    trace = contained.json("trace", smoke["login_trace"])
    assert (trace["backend"], trace["trace_id"]) == ("jaeger", smoke["login_trace"])
    assert {"gateway", "identity", "session", "mfa"} <= set(trace["services"])
    assert trace["logs"]
    said = contained.run("logs", "mailbox", "-n", "100000", "--format", "json").stdout
    assert "mail received" in said
    assert said.count("list INBOX") < 200  # a look at the mails is no sign of another mail
    assert "ready to accept connections" in contained.run("logs", "postgres").stdout

    before = {name: container_of(contained, name)["Id"] for name in RESOURCES}
    assert contained.run("down").returncode == 0
    assert running(contained) == set()
    up(contained)
    assert {name: container_of(contained, name)["Id"] for name in RESOURCES} == before
    found = contained.run("db", "shell", "identity", "-c", "SELECT count(*) > 0 FROM users")
    assert "t" in found.stdout.split() or "true" in found.stdout.lower(), found.stdout + found.stderr


def test_containers_are_private_and_have_no_more_rights_than_they_need(contained: Platform) -> None:
    up(contained)
    for name in RESOURCES:
        found: Any = container_of(contained, name)
        host = found["HostConfig"]
        assert host["CapDrop"] == ["ALL"]
        assert not host["CapAdd"]
        assert not host["Privileged"]
        assert host["SecurityOpt"] == ["no-new-privileges"]
        assert host["PidsLimit"]
        assert host["Memory"]
        assert not host["Binds"] or all(bind.startswith("autional-") for bind in host["Binds"])
        published = [each for ports in found["NetworkSettings"]["Ports"].values() for each in ports or ()]
        assert published
        assert {each["HostIp"] for each in published} == {"127.0.0.1"}
        secret = contained.status()["resources"]
        assert "***" in next(unit for unit in secret if unit["name"] == "redis")["url"]
        assert not any(part in " ".join(found["Config"]["Cmd"] or ()) for part in passwords(contained))


def passwords(platform: Platform) -> list[str]:
    """Return the operator's password, which nothing may show."""
    import json

    return [json.loads((platform.home / "secrets.json").read_text())["operator"]]


def test_a_container_that_is_killed_comes_back_and_so_does_one_whose_keeper_is(contained: Platform) -> None:
    up(contained)
    container.engine().call("POST", f"/containers/{container_of(contained, 'redis')['Id']}/kill")
    eventually(lambda: ready(contained, "redis", 1), "redis to be back")
    unit = next(unit for unit in contained.status()["resources"] if unit["name"] == "redis")
    assert unit["restarts"] == 1
    contained.kill("postgres")
    eventually(lambda: ready(contained, "postgres", 1), "postgres to be back")
    assert contained.json("smoke")["ok"]


def helpers(platform: Platform) -> dict[str, int]:
    """Return the pids of supervisor and guardian."""
    from autional_cli.instance import Instance

    connection = connect(Instance.open(platform.root, platform.instance))
    assert connection is not None
    with connection:
        status = connection.request("status")
    return {**status["pids"], "keeper": platform.pid("redis")}


@pytest.mark.parametrize(
    "killed",
    [("supervisor",), ("guardian", "supervisor"), ("keeper", "supervisor"), ("guardian", "keeper", "supervisor")],
    ids="+".join,
)
def test_whoever_is_killed_with_the_supervisor_no_container_runs_on_or_the_next_command_stops_it(
    contained: Platform, killed: tuple[str, ...]
) -> None:
    up(contained)
    pids = helpers(contained)
    os.kill(pids["supervisor"], signal.SIGSTOP)  # it must not have the time to mend anything
    for name in killed:
        os.kill(pids[name], signal.SIGKILL)
    if len(killed) == 3:
        eventually(lambda: running(contained) <= {"redis"}, "the other keepers to stop theirs")
        assert contained.run("down").returncode == 0
    eventually(lambda: running(contained) == set(), "all containers to be stopped")
    up(contained)
    assert running(contained) == RESOURCES


def test_a_changed_configuration_makes_a_new_container_on_the_same_data(contained: Platform) -> None:
    up(contained)
    assert contained.json("smoke")["ok"]
    before = container_of(contained, "postgres")["Id"]
    assert contained.run("down").returncode == 0
    done = contained.run("up", "--stack", "full", "--driver", "docker", "--timeout", "150")
    assert done.returncode == 0, done.stderr
    assert container_of(contained, "postgres")["Id"] == before  # more services, but nothing that it is made of
    assert belongings(contained)
