"""Logs that are removed while they are written are there again, and all logs together stay within their bound."""

from __future__ import annotations

import os
import shutil
import time
from typing import TYPE_CHECKING

import pytest

from autional_cli.errors import AutionalError, ExitCode
from autional_cli.instance import Instance
from autional_cli.supervisor import logs
from autional_cli.supervisor.logs import LEAST, MOST, Logs, limit
from autional_cli.telemetry.journal import Journal
from tests.supervisor.harness import ENTRIES, Harness, database, get
from tests.supervisor.test_vigil import fork_only, until

if TYPE_CHECKING:
    from pathlib import Path


def talkative(says_s: float) -> dict[str, object]:
    return {"name": "page", "entry": f"{ENTRIES}:talkative", "env": {"SAYS_S": str(says_s)}}


def grows(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0


def test_a_raw_log_that_is_removed_is_there_again_with_what_is_written_from_then_on(harness: Harness) -> None:
    db = database()
    harness.define(talkative(0.01), db)
    harness.up()
    page, server = (harness.instance.logs_dir / f"{name}.out" for name in ("page", "db"))
    get(db)
    until(
        lambda: all((harness.instance.home / ".raw" / path.name).exists() for path in (page, server)), "both are kept"
    )
    page.unlink()
    server.unlink()
    until(lambda: grows(page), "the log of a forked process")
    get(db)  # http.server logs each request
    until(lambda: grows(server), "the log of a program")
    assert not page.read_text().startswith("1 ")  # what was removed stays removed
    assert harness.ask("why", service="page")["output"]
    harness.down()
    assert not (harness.instance.home / ".raw").exists()


@fork_only
def test_a_removed_folder_of_logs_is_there_again_with_everything_in_it(harness: Harness) -> None:
    harness.define(talkative(0.01), database())
    harness.up()
    folder = harness.instance.logs_dir
    until(lambda: (harness.instance.home / ".raw" / "page.out").exists(), "it is kept")
    shutil.rmtree(folder)
    until(lambda: grows(folder / "page.out"), "the raw log")
    harness.ask("restart", services=["page"])
    assert "page is ready" in (folder / "supervisor.jsonl").read_text()


@fork_only
def test_what_a_process_says_without_end_stays_within_the_bound(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTIONAL_LOGS_MAX_BYTES", str(LEAST))
    harness.define(talkative(0.002))
    harness.up()
    page = harness.instance.logs_dir / "page.out"
    until(lambda: page.with_name("page.out.1").exists(), "the log was cut")
    began = page.with_name("page.out.1").stat().st_mtime
    until(lambda: page.with_name("page.out.1").stat().st_mtime > began, "it was cut again")
    rate, looks = 1010 / 0.002, logs.LOOK_S + 1
    assert page.stat().st_size < LEAST // 16 + rate * looks
    assert harness.ask("why", service="page")["output"]  # though the file is shorter than it was


def test_backups_go_first_and_the_oldest_of_them_before_the_others(tmp_path: Path) -> None:
    instance = Instance.open(tmp_path, "logs")
    instance.create()
    keeper = Logs(instance, LEAST)
    now = time.time()
    for number, name in enumerate(("old.out.1", "young.jsonl.1")):
        path = instance.logs_dir / name
        path.write_bytes(bytes(LEAST // 2))
        os.utime(path, (now - 100 + number, now - 100 + number))
    present = instance.logs_dir / "page.out"
    present.write_bytes(bytes(LEAST // 20))
    keeper.look()
    assert not (instance.logs_dir / "old.out.1").exists()
    assert (instance.logs_dir / "young.jsonl.1").exists()
    assert present.stat().st_size == LEAST // 20
    (instance.logs_dir / "a.jsonl").write_bytes(bytes(LEAST // 2))  # larger than one may be: it becomes a backup
    keeper.look()
    assert (instance.logs_dir / "a.jsonl.1").exists()
    assert sum(path.stat().st_size for path in instance.logs_dir.iterdir()) <= LEAST
    keeper.close()
    instance.discard_run_dir()


def test_a_renamed_raw_log_is_not_emptied(tmp_path: Path) -> None:
    instance = Instance.open(tmp_path, "logs")
    instance.create()
    keeper = Logs(instance, LEAST)
    path = instance.logs_dir / "page.out"
    path.write_text("precious")
    keeper.look()
    path.rename(path.with_name("kept.txt"))
    keeper.look()
    assert path.with_name("kept.txt").read_text() == "precious"
    assert path.exists()
    keeper.close()
    instance.discard_run_dir()


@pytest.mark.parametrize("told", ["much", "-1", "1", "1e9"])
def test_a_bound_that_is_none_is_refused(told: str) -> None:
    with pytest.raises(AutionalError) as caught:
        limit({"AUTIONAL_LOGS_MAX_BYTES": told})
    assert caught.value.exit_code is ExitCode.CONFIGURATION
    assert limit({}) == limit({"AUTIONAL_LOGS_MAX_BYTES": ""}) == MOST


def test_the_journal_of_telemetry_goes_on_where_its_file_should_be(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "telemetry.jsonl"
    journal = Journal(path, "telemetry")
    journal.write("info", "one")
    shutil.rmtree(path.parent)
    journal.write("info", "two")
    path.rename(path.with_name("rotated"))
    journal.write("info", "three")
    assert '"two"' in path.with_name("rotated").read_text()
    assert '"three"' in path.read_text()
    journal.close()
