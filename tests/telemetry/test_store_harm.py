"""What is done to the file of a trace store, while it is in use and while it is not, is noticed, kept and said."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from autional_cli.telemetry.reader import Reader

from .process import Telemetry, Workspace, run_telemetry
from .recording import record_login

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def damage(path: Path) -> None:
    """Overwrite all but the first page, so that the file still opens."""
    with path.open("r+b") as file:
        size = file.seek(0, 2)
        file.seek(4096)
        file.write(b"\xee" * (size - 4096))


def test_a_store_damaged_while_stopped_is_replaced(workspace: Workspace) -> None:
    with run_telemetry(workspace) as telemetry:
        for _ in range(50):
            telemetry.send(record_login())
    damage(workspace.store)
    with run_telemetry(workspace) as telemetry:
        assert_replaced(telemetry)


def test_a_store_damaged_while_running_is_replaced_and_the_batch_kept(workspace: Workspace) -> None:
    with run_telemetry(workspace) as telemetry:
        for _ in range(50):
            telemetry.send(record_login())
        checkpoint = sqlite3.connect(workspace.store, isolation_level=None)
        checkpoint.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        checkpoint.close()
        damage(workspace.store)
        assert_replaced(telemetry)


def overwrite(path: Path) -> None:
    path.write_bytes(b"\xee" * 100_000)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def cut_short(path: Path) -> None:
    checkpoint = sqlite3.connect(path, isolation_level=None)
    checkpoint.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    checkpoint.close()
    with path.open("r+b") as file:
        file.truncate(8192)


def replace_by_another(path: Path) -> None:
    other = sqlite3.connect(path.with_name("other.db"))
    other.execute("CREATE TABLE mine (x)")
    other.commit()
    other.close()
    path.with_name("other.db").rename(path)


@pytest.mark.parametrize("harm", [overwrite, empty, cut_short, replace_by_another])
def test_what_is_done_to_a_store_in_use_is_noticed_with_the_next_batch(
    workspace: Workspace, harm: Callable[[Path], None]
) -> None:
    with run_telemetry(workspace) as telemetry:
        for _ in range(20):
            telemetry.send(record_login())
        harm(workspace.store)
        assert_replaced(telemetry)


def test_a_store_that_was_removed_while_in_use_is_made_anew(workspace: Workspace) -> None:
    with run_telemetry(workspace) as telemetry:
        telemetry.send(record_login())
        workspace.store.unlink()
        login = record_login()
        telemetry.send(login)
        assert telemetry.get(f"/api/v3/traces/{login.trace_id}").status == 200
    reader = Reader.open(workspace.store)  # at its place, not in the file that nobody finds any more
    assert reader.resolve(login.trace_id[:8], 5) == [login.trace_id]
    reader.close()
    assert "was removed or replaced" in (workspace.logs / "telemetry.jsonl").read_text()


def assert_replaced(telemetry: Telemetry) -> None:
    login = record_login()
    telemetry.send(login)
    assert telemetry.get(f"/api/v3/traces/{login.trace_id}").status == 200
    assert list(telemetry.workspace.home.glob("traces.db.set-aside-*"))
    assert "kept as" in (telemetry.workspace.logs / "telemetry.jsonl").read_text()
