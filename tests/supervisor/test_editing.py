"""Edits of source files replace processes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from autional_cli.supervisor.watch import syntax_error
from tests.supervisor.harness import Harness, eventually, get, web

if TYPE_CHECKING:
    from pathlib import Path

ENTRY = """
import os
from tests.supervisor import entries
os.environ["SAYS"] = "{says}"
main = entries.web
"""


@pytest.fixture
def edited(harness: Harness, tmp_path: Path) -> Harness:
    for name in ("identity", "session", "chassis"):
        (tmp_path / "edited_code" / name).mkdir(parents=True)
        (tmp_path / "edited_code" / name / "__init__.py").touch()
        write(harness, name, "one")
    units = [
        web(name)
        | {"entry": f"edited_code.{name}.entry:main", "watched": [f"edited_code/{name}", "edited_code/chassis"]}
        for name in ("identity", "session")
    ]
    harness.define(*units)
    harness.up()
    return harness


def write(harness: Harness, name: str, says: str) -> None:
    (harness.root / "edited_code" / name / "entry.py").write_text(ENTRY.format(says=says))


def served(harness: Harness, text: str) -> None:
    eventually(lambda: says(harness, "identity") == text, "the new code to serve")


def says(harness: Harness, name: str) -> str:
    url = next(s["url"] for s in harness.status()["services"] if s["name"] == name)
    try:
        return get({"port": url.rpartition(":")[2]}, "/env/SAYS")
    except OSError:
        return ""


def test_an_edit_replaces_that_service_alone_within_half_a_second(edited: Harness) -> None:
    before = edited.pids()
    took = []
    for text in ("two", "six", "ten"):  # the same length, within the same second: bytecode must not be mistaken
        began = time.monotonic()
        write(edited, "identity", text)
        served(edited, text)
        took.append(time.monotonic() - began)
    after = edited.pids()
    assert after["identity"] != before["identity"]
    assert after["session"] == before["session"]
    if edited.method == "fork":
        assert min(took) < 0.5, took
    edited.remember()


def test_an_edit_of_shared_code_replaces_all(edited: Harness) -> None:
    before = edited.pids()
    write(edited, "chassis", "two")
    eventually(
        lambda: all(edited.pids().get(n) not in (None, before[n]) for n in ("identity", "session")),
        "both to be replaced",
    )
    edited.ask("wait")
    edited.remember()


def test_code_that_does_not_compile_replaces_nothing_until_it_is_mended(edited: Harness) -> None:
    before = edited.pids()["identity"]
    (edited.root / "edited_code" / "identity" / "entry.py").write_text("def broken(:\n")
    status = eventually(
        lambda: edited.unit("identity")["status"].startswith("not replaced") and edited.unit("identity"), ""
    )
    assert "entry.py:1" in status["status"]
    assert (edited.pids()["identity"], says(edited, "identity")) == (before, "one")
    write(edited, "identity", "two")
    eventually(lambda: says(edited, "identity") == "two", "the mended code to serve")
    edited.remember()


def test_code_that_fails_at_start_is_explained_and_the_next_edit_retries_at_once(edited: Harness) -> None:
    (edited.root / "edited_code" / "identity" / "entry.py").write_text("raise RuntimeError('a bad edit')\n")
    eventually(lambda: edited.unit("identity")["reason"], "the failure")
    found = eventually(lambda: (w := edited.ask("why", service="identity"))["output"] and w, "its last words")
    assert any("a bad edit" in line for line in found["output"])
    write(edited, "identity", "two")
    eventually(lambda: says(edited, "identity") == "two", "the mended code to serve")
    edited.remember()


def test_files_that_are_not_python_replace_nothing(edited: Harness) -> None:
    before = edited.pids()
    (edited.root / "edited_code" / "identity" / "x.proto").write_text("syntax = 'proto3';")
    write(edited, "session", "two")
    eventually(lambda: says(edited, "session") == "two", "the later edit to arrive")
    assert edited.pids()["identity"] == before["identity"]
    edited.remember()


def test_a_deleted_file_is_no_syntax_error(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_bytes(b"\x00")
    assert syntax_error([tmp_path / "gone.py"]) == ""
    assert "bad.py:1" in syntax_error([tmp_path / "bad.py"])
