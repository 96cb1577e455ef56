"""What is remembered between runs never hides a finding: tools, the import graph, the base branch."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from checks import registry
from checks.base import Base
from checks.cache import PLACE, digest
from checks.engine import Options, Report, run
from checks.model import Lane
from tests.checks.conftest import Write
from tests.checks.workspace import git

BLIND = "def f() -> None:\n    try:\n        print()\n    except Exception:\n        pass\n"
DECLARED = '[project]\nname = "x"\nversion = "1"\ndependencies = [{}]\n'
Look = Callable[[str], set[str]]


def whole(root: Path, **options: Any) -> Report:
    """Check with every static rule: only such a run remembers."""
    return run(root, list(registry.rules().values()), Options(frozenset({Lane.STATIC}), **options))


@pytest.fixture
def look(root: Path, write: Write) -> Look:
    """Return the paths at which a rule finds something, after what is remembered of the run before."""
    write(".gitignore", ".autional/\n")
    write("services/__init__.py", "")
    write("services/a/__init__.py", '"""A."""\n')
    write("pyproject.toml", DECLARED.format(""))

    def places(code: str) -> set[str]:
        report = whole(root)
        assert report.incomplete == []
        fresh = whole(root, cache=False)
        assert {(one.code, one.path, one.line) for one in report.findings} == {
            (one.code, one.path, one.line) for one in fresh.findings
        }
        return {one.path for one in report.findings if one.code == code}

    return places


def remembered(root: Path) -> dict[str, Any]:
    """Return what the cache holds."""
    kept: dict[str, Any] = json.loads((root / PLACE).read_bytes().partition(b"\n")[2])
    return kept


def remember(root: Path, kept: dict[str, Any]) -> None:
    """Put something else into the cache, sealed as the engine does it."""
    data = json.dumps(kept).encode()
    (root / PLACE).write_bytes(digest(data).encode() + b"\n" + data)


def test_what_ruff_found_is_found_again_until_the_file_changes(look: Look, write: Write) -> None:
    path = write("services/a/x.py", BLIND)
    assert look("RUN03") == {"services/a/x.py"}
    assert look("RUN03") == {"services/a/x.py"}
    path.write_text("A = 1\n")
    assert look("RUN03") == set()
    write("services/a/y.py", BLIND)
    assert look("RUN03") == {"services/a/y.py"}
    path.write_text(BLIND)
    assert look("RUN03") == {"services/a/x.py", "services/a/y.py"}
    path.unlink()
    assert look("RUN03") == {"services/a/y.py"}


def test_a_new_comment_to_ruff_counts_at_once(look: Look, write: Write) -> None:
    path = write("services/a/x.py", BLIND.replace("Exception:", "Exception:  # noqa: BLE001, S110"))
    assert look("RUN03") == set()
    path.write_text(BLIND)
    assert look("RUN03") == {"services/a/x.py"}


def test_what_deptry_found_is_found_again_until_imports_or_dependencies_change(look: Look, write: Write) -> None:
    path = write("services/a/x.py", "import orjson\n\nA = orjson\n")
    assert look("ARC07") == {"services/a/x.py"}
    assert look("ARC07") == {"services/a/x.py"}
    write("pyproject.toml", DECLARED.format('"orjson"'))
    assert look("ARC07") == set()
    write("services/a/y.py", "import yaml\n\nB = yaml\n")
    assert look("ARC07") == {"services/a/y.py"}
    write("pyproject.toml", DECLARED.format('"pyyaml"'))
    assert look("ARC07") == {"services/a/x.py"}
    path.write_text("A = 1\n")
    assert look("ARC07") == set()


def test_what_a_tool_finds_in_an_excluded_file_is_shown_once_it_is_not_excluded(look: Look, write: Write) -> None:
    write("pyproject.toml", DECLARED.format("") + '[tool.autional.check]\nexclude = ["services/made/"]\n')
    path = write("services/made/x.py", "A = 1\n")
    assert look("ARC07") == set()
    path.write_text("import orjson\n\nA = orjson\n")
    assert look("ARC07") == set()
    write("pyproject.toml", DECLARED.format(""))
    assert look("ARC07") == {"services/made/x.py"}


def test_the_import_graph_follows_imports_and_files(look: Look, write: Write) -> None:
    write("services/b/__init__.py", '"""B."""\n')
    write("services/b/y.py", "B = 1\n")
    path = write("services/a/x.py", "A = 1\n")
    assert look("ARC01") == set()
    path.write_text("from services.b import y\n\nA = y\n")
    assert look("ARC01") == {"services/a/x.py"}
    assert look("ARC01") == {"services/a/x.py"}
    path.unlink()
    assert look("ARC01") == set()


def test_another_engine_believes_nothing_that_was_remembered(root: Path, look: Look, write: Write) -> None:
    write("services/a/x.py", BLIND)
    assert look("RUN03") == {"services/a/x.py"}
    kept = remembered(root)
    kept["extra"]["ruff"]["value"]["services/a/x.py"][1] = []
    remember(root, kept)
    assert not [one for one in whole(root).findings if one.code == "RUN03"]  # it is what is read
    remember(root, kept | {"engine": "of yesterday"})
    assert look("RUN03") == {"services/a/x.py"}


def test_what_was_remembered_of_other_bytes_is_not_believed(root: Path, look: Look, write: Write) -> None:
    write("services/a/x.py", BLIND)
    assert look("RUN03") == {"services/a/x.py"}
    kept = remembered(root)
    kept["extra"]["ruff"]["value"]["services/a/x.py"] = ["the digest of other bytes", []]
    remember(root, kept)
    assert look("RUN03") == {"services/a/x.py"}


def test_files_of_the_base_branch_are_read_as_they_are_there(root: Path, write: Write) -> None:
    texts = {f"services/{name}/events.json": f"{name}\nand more".encode() for name in ("a", "b", "é c")}
    for path, data in texts.items():
        write(path, data)
    write("services/empty/events.json", b"")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "events")
    write("services/a/events.json", b"changed")
    write("services/new/events.json", b"new")
    base = Base(root)
    assert {path: base.read(path) for path in texts} == texts
    assert base.read("services/empty/events.json") == b""
    assert base.read("services/new/events.json") is None
