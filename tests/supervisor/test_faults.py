"""kill -9 of everything that can be killed; the same for forked and spawned services."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from autional_cli import disk, ports
from autional_cli.errors import AutionalError, ExitCode
from autional_cli.supervisor.examine import disks
from tests.supervisor.harness import ENTRIES, Harness, database, eventually, get, web

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def test_after_kill_9_of_the_supervisor_nothing_survives_and_up_works_again(harness: Harness) -> None:
    unit, db = web("identity", needs=["db"]), database()
    harness.define(unit, db, {"name": "session", "entry": f"{ENTRIES}:stubborn"})
    harness.up()
    os.kill(harness.pids()["supervisor"], signal.SIGKILL)
    eventually(lambda: not harness.survivors(), "every process to be gone")
    assert ports.is_free(unit["port"])
    assert ports.is_free(db["port"])
    assert harness.up()["state"] == "ready"


def test_up_right_after_kill_9_of_the_supervisor_waits_until_the_ground_is_clear(harness: Harness) -> None:
    harness.define(web("identity"), database())
    harness.up()
    os.kill(harness.pids()["supervisor"], signal.SIGKILL)
    assert harness.up()["state"] == "ready"


@pytest.mark.parametrize("part", [".autional/default", ".autional", "", ".autional/default/supervisor.lock"])
def test_a_platform_whose_folder_is_removed_stops_and_makes_nothing_anew(harness: Harness, part: str) -> None:
    unit, db = web("identity", needs=["db"]), database()
    harness.define(unit, db)
    harness.up()
    database_pid = harness.pids()["db"]
    aside = harness.root.with_name(f"{harness.root.name}-removed")
    shutil.move(harness.root / part, aside)
    with suppress(ProcessLookupError):
        os.kill(database_pid, signal.SIGKILL)  # what would be started anew, in a folder that would be made anew
    eventually(lambda: not harness.survivors(), "every process to be gone")
    assert ports.is_free(unit["port"])
    assert not (harness.root / part).exists()
    shutil.rmtree(aside) if aside.is_dir() else aside.unlink()


@pytest.fixture
def small_disk(harness: Harness) -> Iterator[Path]:
    """A disk of 8 MB under the instance's state."""
    state = harness.root / ".autional"
    state.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", state], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting a small disk needs root")
    yield state
    harness.kill_everything()
    subprocess.run(["umount", "-l", state], check=True)


def test_a_disk_that_is_full_is_an_error_and_nothing_is_left_running(harness: Harness, small_disk: Path) -> None:
    harness.define(web("identity", needs=["db"]), database())
    harness.instance.create()
    with (small_disk / "filler").open("wb", buffering=0) as filler, suppress(OSError):
        while filler.write(b"x" * 4096):
            pass
    with pytest.raises(AutionalError, match="No space left") as caught:
        harness.up()
    assert caught.value.exit_code == ExitCode.BACKEND_UNAVAILABLE
    eventually(lambda: not harness.is_running(), "the supervisor to end")
    (small_disk / "filler").unlink()
    assert harness.up()["state"] == "ready"


def test_a_disk_that_fills_up_while_up_is_named_by_every_view_until_there_is_room(
    harness: Harness, small_disk: Path
) -> None:
    harness.define(web("identity", needs=["db"]), database())
    harness.up()
    with (small_disk / "filler").open("wb", buffering=0) as filler, suppress(OSError):
        while filler.write(b"x" * 4096):
            pass
    eventually(lambda: harness.unit("db")["state"] == "unhealthy", "the server to be unhealthy")
    told = harness.ask("why", service="identity")
    assert (told["cause"]["name"], told["unit"]["state"]) == ("db", "ready")
    assert "is full" in told["summary"]
    assert "df -h" in told["next"]
    assert "is full" in harness.status()["troubles"][0]["error"]
    assert harness.status()["state"] == "unhealthy"
    (finding,) = (f for f in disks(harness.instance) if "is full" in f.detail)
    assert finding.level == "fail"
    with pytest.raises(AutionalError, match="is full") as caught:
        disk.must_be_writable(harness.instance)  # what `up` asks first
    assert caught.value.exit_code == ExitCode.BACKEND_UNAVAILABLE
    (small_disk / "filler").unlink()
    eventually(lambda: harness.status()["state"] == "ready", "everything to be ready again")
    assert harness.status()["troubles"] == []


def test_a_killed_guardian_is_made_again_and_still_guards(harness: Harness) -> None:
    db = database()
    harness.define(db)
    harness.up()
    first = harness.pids()["guardian"]
    os.kill(first, signal.SIGKILL)
    eventually(lambda: harness.pids().get("guardian") not in (None, first), "another guardian")
    harness.remember()
    os.kill(harness.pids()["supervisor"], signal.SIGKILL)
    eventually(lambda: not harness.survivors(), "every process to be gone")


def test_services_die_with_the_supervisor_even_without_a_guardian(harness: Harness) -> None:
    harness.define(web("identity"), {"name": "session", "entry": f"{ENTRIES}:stubborn"})
    harness.up()
    pids = harness.pids()
    os.kill(pids["supervisor"], signal.SIGSTOP)
    os.kill(pids["guardian"], signal.SIGKILL)
    os.kill(pids["supervisor"], signal.SIGKILL)
    eventually(lambda: not harness.survivors(), "every process to be gone")


def test_a_killed_zygote_is_made_again_while_services_serve_on(harness: Harness) -> None:
    if harness.method == "spawn":
        pytest.skip("there is no zygote")
    unit = web("identity")
    harness.define(unit)
    harness.up()
    before = harness.pids()
    os.kill(before["zygote"], signal.SIGKILL)
    assert get(unit).split()[0] == str(before["identity"])
    eventually(lambda: harness.pids()["zygote"] != before["zygote"], "another zygote")
    harness.remember()
    os.kill(before["identity"], signal.SIGKILL)
    eventually(lambda: harness.unit("identity")["restarts"] == 1, "the restart")
    harness.ask("wait", services=["identity"])
    assert "unknown because the zygote died" in harness.unit("identity")["reason"]
    harness.remember()


def test_down_works_after_the_zygote_was_killed(harness: Harness) -> None:
    if harness.method == "spawn":
        pytest.skip("there is no zygote")
    harness.define(web("identity"))
    harness.up()
    os.kill(harness.pids()["zygote"], signal.SIGKILL)
    harness.down()
    eventually(lambda: not harness.survivors(), "every process to be gone")
