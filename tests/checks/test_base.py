"""What is released: found, or nobody could look. Silence is never an answer, and what is advised works."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from checks import registry
from checks.base import Base, named
from checks.engine import Options, Report, run
from checks.model import IncompleteError, Lane
from tests.checks.conftest import Write
from tests.checks.workspace import git

COMPARING = ("CON03", "CON12", "DAT06", "DAT08", "EVT02", "DEB05", "CON04", "DAT11")
SPEC = 'SPEC = ServiceSpec(name="a", port=11001, error_codes=range(100, 200), publishes=("a.made",))\n'
ERRORS = 'CODES = ErrorCodes(range(100, 200))\nGONE = CODES.register(101, "GONE", 404)\n'
REVISION = 'revision = "a_0001"\ndown_revision = None\n\n\ndef upgrade() -> None:\n    op.execute("SELECT {0}")\n'
EVENTS = {"a.made": {"version": 1, "data": {"id": "string", "name": "string"}}}
PUBLISHES = 'def made(unit, a: UUID) -> None:\n    unit.publish("a.made", a, {{{0}}})\n'
ROUTE = {"responses": {"200": {"description": "", "content": {}}}}
OPENAPI = {"openapi": "3.1.0", "paths": {"/v1/a": {"get": ROUTE}}}
CONTRACT = {"services": [{"service": "a", "openapi": {"paths": {}}, "operations": []}]}


@pytest.fixture
def upstream(root: Path, write: Write) -> Path:
    """A repository whose branch `work` breaks what `main` has released, and has moved on since."""
    write("services/a/__init__.py", "")
    write("services/a/service.py", SPEC)
    write("services/a/errors.py", ERRORS)
    write("services/a/events.json", json.dumps(EVENTS))
    write("services/a/openapi.json", json.dumps(OPENAPI))
    write("services/a/store.py", PUBLISHES.format('"id": "1", "name": "n"'))
    write("migrations/a/0001_a.py", REVISION.format(1))
    write("stacks/full.yaml", "name: full\n")
    write(".gitignore", ".autional/\n")
    commit(root, "released")
    git(root, "checkout", "-q", "-b", "work")
    write("services/a/errors.py", ERRORS.replace("101", "102"))
    write("services/a/store.py", PUBLISHES.format('"id": "1"'))
    write("migrations/a/0001_a.py", REVISION.format(2))
    commit(root, "breaks")
    for number in range(3):
        write("docs/a.md", f"{number}\n")
        commit(root, f"work {number}")
    git(root, "checkout", "-q", "main")
    for number in range(3):
        write("docs/b.md", f"{number}\n")
        commit(root, f"main {number}")
    git(root, "checkout", "-q", "work")
    return root


def commit(root: Path, message: str) -> None:
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", message)


def clone(upstream: Path, place: Path, *arguments: str) -> Path:
    subprocess.run(["git", "clone", "-q", *arguments, f"file://{upstream}", str(place)], check=True, timeout=60)
    return place


def checked_out_by_ci(upstream: Path, place: Path) -> Path:
    """Do what actions/checkout does with a pull request: one commit, one reference of its own, a detached HEAD."""
    place.mkdir()
    git(place, "init", "-q")
    git(place, "remote", "add", "origin", f"file://{upstream}")
    git(place, "fetch", "-q", "--no-tags", "--depth=1", "origin", "+refs/heads/work:refs/remotes/pull/1/merge")
    git(place, "checkout", "-q", "--force", "refs/remotes/pull/1/merge")
    return place


def look(root: Path, **options: object) -> Report:
    chosen = Options(frozenset({Lane.STATIC, Lane.CONTRACT}), given={"contract": CONTRACT}, **options)  # type: ignore[arg-type]
    return run(root, registry.pick(list(COMPARING)), chosen)


def blocked(report: Report) -> set[str]:
    return {code for code, _, _ in report.incomplete}


def found(report: Report) -> set[str]:
    return {one.code for one in report.findings if one.code != "CHK00"}


BROKEN = {"CON03", "CON12", "DAT08", "EVT02"}
Clone = Callable[[Path, Path], Path]
CLONES: dict[str, Clone] = {
    "depth 1 of the branch": lambda up, place: clone(up, place, "--depth=1", "--branch=work"),
    "depth 1 of what is checked out": lambda up, place: clone(up, place, "--depth=1"),
    "depth 3 of the branch": lambda up, place: clone(up, place, "--depth=3", "--branch=work"),
    "the branch alone, whole": lambda up, place: clone(up, place, "--single-branch", "--branch=work"),
    "depth 1 of all branches": lambda up, place: clone(up, place, "--depth=1", "--no-single-branch"),
    "as a pull request": checked_out_by_ci,
}


def test_where_the_base_is_there_what_breaks_is_found(upstream: Path) -> None:
    report = look(upstream)
    assert (report.incomplete, found(report)) == ([], BROKEN)


@pytest.mark.parametrize("how", CLONES)
def test_without_a_base_rules_could_not_look_and_do_after_the_advised_command(
    upstream: Path, tmp_path: Path, how: str
) -> None:
    place = CLONES[how](upstream, tmp_path / "clone")
    report = look(place)
    assert blocked(report) >= BROKEN
    assert not found(report)
    (hint,) = {hint for _, _, hint in report.incomplete}
    subprocess.run(shlex.split(hint), cwd=place, check=True, capture_output=True, timeout=60)
    again = look(place)
    assert (again.incomplete, found(again)) == ([], BROKEN)


def test_the_base_can_be_named(upstream: Path, tmp_path: Path) -> None:
    place = clone(upstream, tmp_path / "clone", "--branch=work")
    git(place, "update-ref", "-d", "refs/remotes/origin/main")
    assert blocked(look(place)) >= BROKEN
    git(place, "fetch", "-q", "origin", "main")
    assert found(look(place, base="FETCH_HEAD")) == BROKEN
    git(place, "fetch", "-q", "origin", "+refs/heads/main:refs/remotes/origin/release")
    assert found(look(place, base="release")) == BROKEN
    assert named({"GITHUB_BASE_REF": "release", "HOME": "/"}) == "release"
    assert named({"GITHUB_BASE_REF": "", "AUTIONAL_BASE": ""}) == ""


def test_on_the_base_branch_itself_what_is_committed_is_released(upstream: Path, tmp_path: Path) -> None:
    git(upstream, "checkout", "-q", "main")
    for number, arguments in enumerate(((), ("--depth=1",))):
        place = clone(upstream, tmp_path / str(number), "--branch=main", *arguments)
        report = look(place)
        assert (report.incomplete, found(report)) == ([], {"CON03"})  # CONTRACT has no operations at all


def test_a_base_called_master_is_found_and_any_other_has_to_be_named(upstream: Path, tmp_path: Path) -> None:
    git(upstream, "branch", "-m", "main", "master")
    assert found(look(clone(upstream, tmp_path / "master"))) == BROKEN
    git(upstream, "branch", "-m", "master", "trunk")
    place = clone(upstream, tmp_path / "trunk")
    assert blocked(look(place)) >= BROKEN
    assert found(look(place, base="trunk")) == BROKEN


@pytest.mark.parametrize("content", [b"", b"rubbish\n", b"0" * 40 + b"\n", b"1" * 40 + b"\n"])
def test_a_damaged_reference_is_named_and_not_passed_over(upstream: Path, tmp_path: Path, content: bytes) -> None:
    place = clone(upstream, tmp_path / "clone", "--branch=work")
    git(place, "branch", "main", "HEAD")  # the next best, which is not the base
    (place / ".git/packed-refs").unlink()
    (place / ".git/refs/remotes/origin/main").parent.mkdir(parents=True, exist_ok=True)
    (place / ".git/refs/remotes/origin/main").write_bytes(content)
    report = look(place)
    assert blocked(report) >= BROKEN
    (why, hint) = {(why, hint) for _, why, hint in report.incomplete}.pop()
    assert "refs/remotes/origin/main is damaged" in why
    subprocess.run(["bash", "-c", hint], cwd=place, check=True, capture_output=True, timeout=60)
    assert found(look(place)) == BROKEN


def test_a_folder_that_is_no_repository_and_a_repository_without_commits(upstream: Path, tmp_path: Path) -> None:
    export = tmp_path / "export"
    shutil.copytree(upstream, export, ignore=shutil.ignore_patterns(".git", ".autional"))
    report = look(export)
    assert blocked(report) >= BROKEN
    assert "is not in a git repository" in report.incomplete[0][1]
    git(export, "init", "-q")
    assert not blocked(look(export)) & BROKEN  # nothing is released yet


def test_a_workspace_below_the_top_of_its_repository(upstream: Path, tmp_path: Path) -> None:
    top = tmp_path / "top"
    shutil.copytree(upstream, top / "platform", ignore=shutil.ignore_patterns(".git", ".autional"))
    git(top, "init", "-q", "-b", "main")
    commit(top, "released")
    (top / "platform/migrations/a/0001_a.py").write_text(REVISION.format(9))
    base = Base(top / "platform")
    assert base.changed == {"migrations/a/0001_a.py"}
    assert base.read("migrations/a/0001_a.py") == REVISION.format(2).encode()


def test_the_environment_of_a_hook_does_not_lead_to_another_repository(upstream: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "-q", "-b", "main")
    place = tmp_path / "worktree"
    git(upstream, "worktree", "add", "-q", str(place), "-b", "more", "work")
    for directory in (str(other / ".git"), str(upstream / ".git/worktrees/worktree")):
        done = command(place, "--rule", "DAT08", GIT_DIR=directory, GIT_INDEX_FILE=str(tmp_path / "index"))
        assert (done.returncode, "0001_a.py" in done.stdout) == (1, True), done.stderr


def command(root: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("GITHUB_BASE_REF", "AUTIONAL_BASE")}
    argv = [sys.executable, "-m", "autional_cli", "check", *arguments]
    given = kept | {"AUTIONAL_WORKSPACE": str(root)} | environment
    return subprocess.run(argv, env=given, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("output", ["text", "json", "sarif", "junit", "github"])
def test_changed_without_a_base_is_exit_2_in_every_format(upstream: Path, tmp_path: Path, output: str) -> None:
    place = clone(upstream, tmp_path / "clone", "--depth=1", "--branch=work")
    done = command(place, "--changed", "--rule", "ARC08", "--format", output)
    assert done.returncode == 2
    assert "no base branch" in done.stdout


def test_changed_and_debt_without_git_say_so(upstream: Path, tmp_path: Path) -> None:
    empty = tmp_path / "bin"
    empty.mkdir()
    done = command(upstream, "--changed", "--rule", "DAT08", PATH=str(empty))
    assert done.returncode == 2
    assert "git cannot be run" in done.stdout
    done = command(upstream, "--debt", "--rule", "DEB", PATH=str(empty))
    assert "internal" not in done.stderr
    assert "nobody knows how many at the base" in done.stderr


def test_a_service_that_is_taken_out_of_the_tree_is_looked_at(upstream: Path, write: Write) -> None:
    git(upstream, "rm", "-rq", "services/a", "migrations")
    write("services/b/__init__.py", "")
    consumer = SPEC.replace('"a"', '"b"').replace("publishes", "consumes").replace("100, 200", "101, 300")
    write("services/b/service.py", consumer)
    write("services/b/errors.py", 'CODES = ErrorCodes(range(101, 300))\nC = CODES.register(101, "TAKEN", 404)\n')
    contract = {"services": [{"service": "b", "openapi": {"paths": {}}, "operations": []}]}
    options = Options(frozenset({Lane.STATIC, Lane.CONTRACT}), given={"contract": contract})
    report = run(upstream, registry.pick(list(COMPARING)), options)
    said = {one.code: one.message for one in report.findings if one.code != "CHK00"}
    assert said["CON03"] == "the service a is gone: GET /v1/a is gone"
    assert said["EVT02"] == "a.made is gone, and is still consumed"
    assert said["CON12"] == "101 is GONE for those who use it, not TAKEN"


def test_histories_that_never_met_are_compared_as_they_are(upstream: Path) -> None:
    git(upstream, "checkout", "-q", "--orphan", "other")
    commit(upstream, "another beginning")
    assert found(look(upstream)) == BROKEN


def test_a_name_that_is_no_branch_is_refused(upstream: Path) -> None:
    with pytest.raises(IncompleteError, match="no branch or commit 'nowhere'"):
        _ = Base(upstream, "nowhere").commit
