"""What cannot be is refused with the reason and the next command, and nothing is written."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from autional_cli.errors import AutionalError, ExitCode
from autional_cli.scaffold.reserved import RESERVED
from tests.platform.running import AUTIONAL
from tests.scaffold.workspaces import ROOT, contents, plan, scaffold

USAGE, CONFIGURATION = ExitCode.USAGE, ExitCode.CONFIGURATION

REFUSALS: list[tuple[str, dict[str, Any], str, ExitCode]] = [
    ("profile", {}, "there is a service 'profile' already", USAGE),
    ("lambda", {}, "keyword of Python", USAGE),
    ("chassis", {}, "name of the platform itself", USAGE),
    ("contracts", {}, "name of the platform itself", USAGE),
    ("me", {}, "name of the platform itself", USAGE),
    ("queue", {}, "Python's standard library", USAGE),
    ("user", {}, "events user.* belong to identity", USAGE),
    ("loyalty-points", {}, "2 to 20 of a-z and 0-9", USAGE),
    ("Loyalty", {}, "2 to 20 of a-z and 0-9", USAGE),
    ("../loyalty", {}, "2 to 20 of a-z and 0-9", USAGE),
    ("", {}, "2 to 20 of a-z and 0-9", USAGE),
    ("7up", {}, "beginning with a letter", USAGE),
    ("treue\u00e9", {}, "2 to 20 of a-z and 0-9", USAGE),
    ("l" * 21, {}, "2 to 20 of a-z and 0-9", USAGE),
    ("loyalty", {"resource": "event"}, "would hide what the code of every service calls event", USAGE),
    ("loyalty", {"resource": "list"}, "would hide what the code of every service calls list", USAGE),
    ("loyalty", {"resource": "two words"}, "cannot name a resource", USAGE),
    ("loyalty", {"database": "postgre"}, "unknown database 'postgre'; did you mean 'postgres'?", USAGE),
    ("loyalty", {"consumes": ("user.create",)}, "nobody publishes 'user.create'; did you mean 'user.created'?", USAGE),
    ("loyalty", {"consumes": ("created",)}, "is no event type", USAGE),
    ("loyalty", {"publishes": ("Loyalty.Earned",)}, "is no event type", USAGE),
    ("loyalty", {"publishes": ("user.created",)}, "user.created is published by identity already", USAGE),
    ("loyalty", {"publishes": ("points.earned",)}, "a service publishes under its own name", USAGE),
    (
        "loyalty",
        {"publishes": ("loyalty.earned",), "consumes": ("loyalty.earned",)},
        "each would bring the next",
        USAGE,
    ),
    ("loyalty", {"publishes": ("loyalty.earned",), "database": "mongo"}, "--publishes needs", USAGE),
    ("loyalty", {"publishes": ("loyalty.earned",), "database": "none"}, "--publishes needs", USAGE),
    ("loyalty", {"consumes": ("user.deleted",), "database": "none"}, "there is nothing to forget", USAGE),
    ("loyalty", {"calls": ("profil",)}, "there is no service 'profil' to call; did you mean 'profile'?", USAGE),
    ("loyalty", {"calls": ("loyalty",)}, "in a circle: loyalty → loyalty", USAGE),
    ("loyalty", {"calls": ("gateway",)}, "called from outside only", USAGE),
    ("loyalty", {"calls": ("mfa",)}, "mfa has no route that tells another service about a user", CONFIGURATION),
    ("loyalty", {"calls": ("profile",), "stack": "login"}, "stack login has no profile", CONFIGURATION),
    ("loyalty", {"stack": "fulll"}, "there is no stack 'fulll'", CONFIGURATION),
    ("loyalty", {"port": 11002}, "--port 11002 belongs to profile", USAGE),
    ("loyalty", {"port": RESERVED["rbac"].port}, "belongs to rbac", USAGE),
    ("loyalty", {"port": 11032}, "not within 11000 to 11031", USAGE),
]  # fmt: skip


@pytest.mark.parametrize(("name", "wishes", "message", "code"), REFUSALS, ids=[f"{m[2][:50]}" for m in REFUSALS])
def test_bad_input_is_refused(name: str, wishes: dict[str, Any], message: str, code: ExitCode) -> None:
    with pytest.raises(AutionalError, match=re.escape(message)) as refused:
        plan(ROOT, name, **wishes)
    assert refused.value.exit_code == code
    assert refused.value.hint


@pytest.mark.parametrize(
    "path",
    ["services/loyalty/notes.txt", "migrations/loyalty/0001_x.py", "tests/platform/test_loyalty.py"],
)
def test_files_that_are_there_are_not_written_over(workspace: Path, path: str) -> None:
    (workspace / path).parent.mkdir(parents=True, exist_ok=True)
    (workspace / path).write_text("mine")
    with pytest.raises(AutionalError, match="is there already and would be written over") as refused:
        plan(workspace, "loyalty")
    assert refused.value.exit_code == CONFIGURATION


def test_a_folder_with_nothing_but_caches_is_no_obstacle(workspace: Path) -> None:
    (workspace / "services/loyalty/__pycache__").mkdir(parents=True)
    assert plan(workspace, "loyalty")


def test_ports_and_codes_that_run_out_are_said_to(workspace: Path) -> None:
    for number in range(16):
        scaffold(workspace, f"extra{chr(ord('a') + number)}", database="none")
    with pytest.raises(AutionalError, match="no port is left: 11016 to 11031"):
        plan(workspace, "loyalty")
    assert plan(workspace, "tenant")  # what is reserved stays so


def test_planned_services_get_what_is_reserved_for_them(workspace: Path) -> None:
    planned = {change.path: change.after for change in plan(workspace, "oauth", database="none")}
    assert "port=11006" in planned["services/oauth/service.py"]
    assert "range(1700, 1800)" in planned["services/oauth/service.py"]


def test_reservations_and_the_map_say_the_same() -> None:
    text = " ".join((ROOT / "AGENTS.md").read_text().split())
    for name, place in RESERVED.items():
        planned, written = f"{name} {place.port}/{place.first_code}", f"| {name} | {place.port} | {place.first_code}"
        assert planned in text or written in text, name


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [AUTIONAL, "new", *arguments],
        cwd=folder,
        env={key: value for key, value in os.environ.items() if not key.startswith("AUTIONAL_")},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_the_command_writes_nothing_on_bad_input_or_a_dry_run(workspace: Path) -> None:
    before = contents(workspace)
    refused = command(workspace, "loyalty", "--consumes", "user.create")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "did you mean 'user.created'?" in refused.stderr
    shown = command(workspace, "loyalty", "--dry-run")
    assert shown.returncode == 0, shown.stderr
    assert "+++ b/services/loyalty/service.py" in shown.stdout
    assert "nothing was written" in shown.stderr
    assert contents(workspace) == before


def test_outside_a_workspace_the_command_says_so(tmp_path: Path) -> None:
    refused = command(tmp_path, "loyalty")
    assert refused.returncode == 3
    assert "no workspace at or above" in refused.stderr
