"""A service that `autional new` wrote, from nothing to a part of a running platform."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest

from autional_cli.main import COMMANDS
from services.chassis.journey import Traveller
from tests.platform.conftest import join, traveller
from tests.platform.running import Platform
from tests.scaffold.workspaces import copy_workspace, tool

WISH = ("--database", "postgres", "--consumes", "user.created", "--publishes", "loyalty.earned", "--calls", "profile")


@pytest.fixture(scope="module")
def loyal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A copy of the workspace with a service written into it, running."""
    root = copy_workspace(tmp_path_factory.mktemp("loyal"))
    # The copy's own packages, not those this environment is installed from.
    own = Platform(instance="loyal", root=root, env={"PYTHONPATH": str(root)})
    try:
        written = own.json("new", "loyalty", *WISH)
        assert written["service"]["port"] == 11016
        own.up()
        yield own
    finally:
        own.down()
        assert not own.home.exists()


def test_it_runs_at_its_head_and_its_steps_are_part_of_the_journey(loyal: Platform) -> None:
    states = {service["name"]: service["state"] for service in loyal.status()["services"]}
    assert states["loyalty"] == "ready"
    [schema] = [each for each in loyal.json("migrate", "status")["services"] if each["name"] == "loyalty"]
    assert schema["current"]
    assert schema["revision"] == "loyalty_0001"
    smoke = loyal.json("smoke")
    assert smoke["ok"], smoke["steps"]
    assert {"loyalty.create", "loyalty.finish", "loyalty.arrives"} <= {step["name"] for step in smoke["steps"]}


async def test_its_event_goes_round_and_the_whole_way_is_one_trace(
    loyal: Platform, http: aiohttp.ClientSession
) -> None:
    user = traveller(loyal, loyal.status()["gateway"], http)
    await join(user)
    [registered] = [exchange for exchange in user.exchanges if exchange.path.endswith("/register")]
    user_id = user.facts["user_id"]

    def of_user(data: dict[str, Any]) -> bool:
        return any(item["data"]["user_id"] == user_id for item in data["items"])

    seen = await user.eventually(
        "GET", "/api/v1/audit/events?type=loyalty.earned", of_user, what="loyalty.earned in the trail"
    )
    [record] = seen["items"]
    assert record["trace_id"] == registered.trace_id
    page = await user.request("GET", "/api/v1/loyalty/records")
    assert [(item["record_id"], item["status"]) for item in page["items"]] == [(record["subject"], "earned")]
    trace = loyal.json("trace", registered.trace_id, "--await")
    assert {"gateway", "identity", "loyalty", "audit"} <= set(trace["services"])
    spans = [(span["service"], span["kind"], span["name"]) for span in trace["spans"]]
    for service, kind, event in (
        ("loyalty", "consumer", "user.created"),
        ("loyalty", "producer", "loyalty.earned"),
        ("audit", "consumer", "loyalty.earned"),
    ):
        assert any((s, k) == (service, kind) and event in name for s, k, name in spans), (service, kind, event, spans)
    assert any(service == "loyalty" and name == "INSERT records" for service, _, name in spans)


async def test_it_shows_what_profile_tells_and_does_without_when_profile_is_away(
    loyal: Platform, http: aiohttp.ClientSession
) -> None:
    user = traveller(loyal, loyal.status()["gateway"], http)
    await join(user)
    path = "/api/v1/loyalty/summary"
    await user.eventually("GET", path, lambda data: bool(data["display_name"]), what="the display name")
    await name_oneself(user, "Ada")
    assert (await user.request("GET", path))["display_name"] == "Ada"
    loyal.kill("profile")
    summary = await user.request("GET", path)
    assert summary["display_name"] in (None, "Ada")  # the supervisor may be quicker than this request
    assert summary["by_status"] == {"earned": 1}
    assert loyal.run("wait", "profile").returncode == 0


async def name_oneself(user: Traveller, name: str) -> None:
    """Change the display name."""
    await user.request("PATCH", "/api/v1/profile/me", {"display_name": name})


def test_its_schema_has_not_drifted(loyal: Platform) -> None:
    if "drift" not in COMMANDS:
        pytest.skip("this release has no `autional drift` yet")
    done = loyal.run("drift", "loyalty")
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_check_has_anything_to_say_about_a_file_that_was_written_or_edited(loyal: Platform) -> None:
    done = loyal.run("check", "--format", "json")
    report = json.loads(done.stdout)
    assert report["files"] > 400  # it did look
    ours = re.compile(
        r"(services|migrations)/loyalty/|tests/\w+/test_loyalty|stacks/full|AGENTS|services/audit/service"
    )
    assert [finding for finding in report["findings"] if ours.match(finding["path"])] == []


async def test_a_service_written_while_the_platform_runs_may_call_profile_at_once(
    loyal: Platform, http: aiohttp.ClientSession
) -> None:
    before = {each["name"]: each["replicas"][0]["pid"] for each in loyal.status()["services"]}
    assert loyal.run("new", "perks", "--calls", "profile").returncode == 0
    started = loyal.run("up")
    assert started.returncode == 0, started.stderr
    after = {each["name"]: each["replicas"][0]["pid"] for each in loyal.status()["services"]}
    assert after["profile"] == before["profile"], "profile was restarted, so this proves nothing"
    user = traveller(loyal, loyal.status()["gateway"], http)
    await join(user)
    await name_oneself(user, "Grace")
    path = "/api/v1/perks/summary"
    await user.eventually("GET", path, lambda data: data["display_name"] == "Grace", what="what profile tells")


def test_a_service_that_is_taken_out_leaves_no_ghost(loyal: Platform) -> None:
    stack = loyal.root / "stacks" / "full.yaml"
    shutil.rmtree(loyal.root / "services" / "perks")
    stack.write_text("".join(line for line in stack.read_text().splitlines(True) if "perks" not in line))
    done = loyal.run("up")
    assert done.returncode == 0, done.stderr
    services = {each["name"]: each["state"] for each in loyal.status()["services"]}
    assert "perks" not in services
    assert set(services.values()) == {"ready"}
    assert loyal.run("wait", "--timeout", "5").returncode == 0


def test_its_own_tests_and_those_over_all_services_pass(loyal: Platform) -> None:
    assert loyal.run("down").returncode == 0  # they have servers and a platform of their own
    mine = ("tests/services/test_loyalty.py", "tests/platform/test_loyalty.py")
    done = tool(loyal.root, "pytest", "-q", "-p", "no:cacheprovider", *mine, "tests/services/test_declarations.py")
    assert done.returncode == 0, done.stdout + done.stderr
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None
    assert int(passed.group(1)) > 30
    assert [path.parent for path in loyal.root.glob(".autional/*/instance.json")] == [loyal.home]
