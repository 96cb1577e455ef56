"""`autional test`: what pytest is given, what its end means, and the comparison of two real platforms."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.platform.running import Platform
from tests.pytest_plugin.scratch import LEAN

TESTS = "def test_good():\n    pass\n\n\ndef test_bad():\n    assert False\n"


@pytest.fixture
def cli() -> Platform:
    """The command line, in our own workspace; no instance is started by it."""
    return Platform(instance="unused")


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("-k", "good"), 0, "1 passed"),
        ((), 1, "1 failed, 1 passed"),
        (("-k", "nothing"), 2, "no test was found"),
        (("--no-such-option",), 2, "unrecognized arguments: --no-such-option"),
    ],
    ids=["good", "bad", "none", "usage"],
)
def test_pytest_is_given_what_follows_the_dashes_and_its_end_is_ours(
    cli: Platform, tmp_path: Path, options: tuple[str, ...], code: int, said: str
) -> None:
    (tmp_path / "test_it.py").write_text(TESTS, encoding="utf-8")
    done = cli.run("test", str(tmp_path), "--", *LEAN, *options)
    assert done.returncode == code, done.stdout + done.stderr
    assert said in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--stack", "nonesuch"), "has only full, login, sixteen"),
        (("--driver", "podman"), "invalid choice: 'podman'"),
        (("--side", "embedded"), "--side is of --parity"),
        (("--parity", "--driver", "docker"), "--parity takes sides"),
        (("--parity", "--side", "embedded"), "a comparison has two sides, not 1"),
        (("--parity", "--side", "embedded", "--side", "podman:full"), "there is no driver 'podman'"),
    ],
    ids=["stack", "driver", "side", "parity-driver", "one-side", "unknown-side"],
)
def test_what_cannot_be_is_a_usage_error(cli: Platform, arguments: tuple[str, ...], said: str) -> None:
    done = cli.run("test", *arguments)
    assert done.returncode == 2, done.stdout + done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.timeout(300)
def test_a_difference_between_two_platforms_is_found_and_nothing_else(cli: Platform) -> None:
    """Two stacks of which one lacks a service: exactly what that service does is different."""
    done = cli.run(
        "test", "--parity", "--side", "embedded:login", "--side", "embedded", "--format", "json", timeout_s=240
    )
    assert done.returncode == 1, done.stderr
    found = json.loads(done.stdout)
    assert found["same"] is False
    assert [side["label"] for side in found["sides"]] == ["embedded:login", "embedded"]
    differing = {(each["step"], each["kind"]) for each in found["differences"]}
    assert {("profile.appears", "outcome"), ("profile.change", "outcome")} <= differing
    assert {("identity.me", "shape"), ("identity.me", "spans"), ("identity.me", "queries")} <= differing
    assert all(
        "profile" in each["left"] + each["right"] + each["step"]
        or each["kind"] == "shape"
        or each["step"] in ("parity.keep_text", "parity.refuse_nul")
        for each in found["differences"]
    )
    steps = {step["name"]: step for step in found["steps"]}
    assert all(step["left"]["outcome"] != "failed" for step in steps.values())
    assert steps["session.refresh"]["same"]
    assert steps["parity.keep_order"]["left"]["outcome"] == steps["parity.keep_order"]["right"]["outcome"] == "ok"
    assert steps["identity.login"]["left"]["events"] == [
        "notification.sent",
        "session.created",
        "user.logged_in",
    ]
    assert not list((cli.root / ".autional").glob("test-parity-*"))


@pytest.mark.docker
@pytest.mark.timeout(600)
def test_the_two_drivers_behave_alike(cli: Platform) -> None:
    """The images that the docker driver needs are made by tests/docker."""
    done = cli.run("test", "--parity", "--format", "json", timeout_s=500)
    found = json.loads(done.stdout)
    assert found["differences"] == []
    assert {step["right"]["outcome"] for step in found["steps"]} == {"ok"}
    assert done.returncode == 0
