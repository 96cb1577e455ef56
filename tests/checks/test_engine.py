"""The engine: what it reads, what it remembers, what it does with files and rules that misbehave."""

from __future__ import annotations

import ast
import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from checks import registry
from checks.cache import PLACE
from checks.engine import Options, Report, run
from checks.facts import FileView
from checks.model import Finding, IncompleteError, Lane, Tier
from checks.project import Project
from checks.rule import Rule
from checks.sources import LARGEST
from tests.checks.conftest import Write
from tests.checks.workspace import git, look

STATIC = Options(frozenset({Lane.STATIC}))


class Nope(Rule):
    """Every class named Bad is bad."""

    code, tier, title = "TST01", Tier.P1, "no class is named Bad"
    met = 0

    def handlers(self) -> Mapping[type[ast.AST], Any]:
        return {ast.ClassDef: self.definition}

    def definition(self, node: ast.ClassDef, view: FileView) -> None:
        view.examined()
        if node.name == "Bad":
            view.report(node, "is named Bad", symbol=node.name)


class Raising(Nope):
    """Fails on every class."""

    code = "TST02"

    def definition(self, node: ast.ClassDef, view: FileView) -> None:
        raise RuntimeError("a mistake in the rule")


class Judging(Nope):
    """Fails over the project."""

    code = "TST03"

    def judge(self, project: Project) -> Iterator[Finding]:
        raise KeyError("a mistake in the judge")


class Blind(Nope):
    """Looks at nothing."""

    code = "TST04"

    def handlers(self) -> Mapping[type[ast.AST], Any]:
        return {}


class Absent(Nope):
    """Needs a tool that is not installed."""

    code = "TST05"

    def judge(self, project: Project) -> Iterator[Finding]:
        raise IncompleteError("the tool is not installed", hint="install it")


def places(report: Report) -> list[tuple[str, str, int]]:
    return [(one.code, one.path, one.line) for one in report.findings]


def test_files_that_cannot_be_examined_are_findings_and_the_run_goes_on(root: Path, write: Write) -> None:
    write("services/a/latin.py", "# na\xefve\n".encode("latin-1"))
    write("services/a/syntax.py", "A = 1\ndef (\n")
    write("services/a/empty.py", "")
    write("services/a/nul.py", b"A = 1\0\n")
    write("services/a/deep.py", "A = " + "(" * 5000 + ")" * 5000 + "\n")
    write("services/a/large.py", "A = 1\n" * (10_000_000 // 6))
    (root / "services/a/one.py").symlink_to("two.py")
    (root / "services/a/two.py").symlink_to("one.py")
    (root / "services/a/dangling.py").symlink_to("nowhere.py")
    write("services/a/good.py", "def f() -> None:\n" + "    print()\n" * 60)
    report = look(root, ["CHK01", "DOC01", "ARC08"])
    assert report.incomplete == []
    found = {path: [code for code, where, _ in places(report) if where == path] for _, path, _ in places(report)}
    names = {path.removeprefix("services/a/"): codes for path, codes in found.items()}
    assert "DOC01" in names["latin.py"]
    assert all("CHK01" in names[name] for name in ("syntax.py", "nul.py", "deep.py", "large.py", "one.py", "two.py"))
    assert names["dangling.py"] == ["CHK01"]
    assert names["good.py"] == ["ARC08"]
    assert "empty.py" not in names


def test_a_file_just_below_the_limit_is_examined(root: Path, write: Write) -> None:
    write("services/a/large.py", b"#" * (LARGEST - 1) + b"\n")
    assert places(look(root, ["CHK01"])) == []


def test_a_rule_that_raises_is_named_and_the_others_go_on(root: Path, write: Write) -> None:
    write("services/a/x.py", "class Bad: ...\n")
    report = run(root, [Nope(), Raising(), Judging()], STATIC)
    assert [code for code, _, _ in report.incomplete] == ["TST02", "TST03"]
    assert "services/a/x.py: RuntimeError: a mistake in the rule" in report.incomplete[0][1]
    assert {code for code, _, _ in places(report)} >= {"TST01"}


def test_a_rule_without_its_tool_is_incomplete_and_never_passed(root: Path, write: Write) -> None:
    write("services/a/x.py", "class Good: ...\n")
    report = run(root, [Absent()], STATIC)
    assert report.incomplete == [("TST05", "the tool is not installed", "install it")]


def test_a_rule_that_examined_nothing_is_a_finding(root: Path, write: Write) -> None:
    write("services/a/x.py", "class Good: ...\n")
    report = run(root, [Nope(), Blind(), *registry.pick(["CHK00"])], STATIC)
    assert [(one.code, one.symbol) for one in report.findings] == [("CHK00", "TST04")]


def test_a_file_that_only_looks_unchanged_is_examined_again(root: Path, write: Write) -> None:
    path = write("services/a/x.py", "A = 1\n")
    rules = list(registry.rules().values())
    assert "ARC08" not in {code for code, _, _ in places(run(root, rules, STATIC))}
    found = path.stat()
    # Same time and size, other bytes: the time of the last change of any kind tells.
    path.write_text("A = (\n")
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
    assert "CHK01" in {code for code, _, _ in places(run(root, rules, STATIC))}


def test_a_touched_file_is_recognised_by_its_bytes_and_a_changed_one_is_examined(root: Path, write: Write) -> None:
    path = write("services/a/x.py", "A = 1\n")
    rules = list(registry.rules().values())
    run(root, rules, STATIC)
    os.utime(path, ns=(1, 1))
    assert not [one for one in run(root, rules, STATIC).findings if one.code == "ARC08"]
    path.write_text("def f() -> None:\n" + "    print()\n" * 60)
    assert [one.path for one in run(root, rules, STATIC).findings if one.code == "ARC08"] == ["services/a/x.py"]


@pytest.mark.parametrize("rubbish", [b"", b"{", b"[]", b'{"engine": 1}', b"\xff\xff"])
def test_a_spoilt_cache_costs_time_and_nothing_else(root: Path, write: Write, rubbish: bytes) -> None:
    write("services/a/x.py", "def f() -> None:\n" + "    print()\n" * 60)
    write(PLACE, rubbish)
    report = run(root, list(registry.rules().values()), STATIC)
    assert [one.path for one in report.findings if one.code == "ARC08"] == ["services/a/x.py"]
    assert (root / PLACE).stat().st_mode & 0o077 == 0


def test_the_cache_of_many_files_is_the_same_as_examining_each(root: Path, write: Write) -> None:
    for number in range(150):
        write(f"services/a/m{number}.py", f"class {'Bad' if number % 10 == 0 else 'Good'}: ...\n")
    report = run(root, [Nope()], STATIC)  # enough files for several processes
    assert [path for _, path, _ in places(report)] == sorted(f"services/a/m{n}.py" for n in range(0, 150, 10))


def test_paths_limit_what_is_shown_not_what_is_known(root: Path, write: Write) -> None:
    for name in ("a", "b"):
        write(f"services/{name}/x.py", "class Bad: ...\n")
    report = run(root, [Nope()], Options(frozenset({Lane.STATIC}), paths=("services/b",)))
    assert [path for _, path, _ in places(report)] == ["services/b/x.py"]
    assert report.files == 3


def test_changed_shows_what_differs_from_the_base_branch(root: Path, write: Write) -> None:
    write("services/a/old.py", "class Bad: ...\n")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "old")
    git(root, "checkout", "-q", "-b", "work")
    write("services/a/committed.py", "class Bad: ...\n")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "new")
    write("services/a/untracked.py", "class Bad: ...\n")
    report = run(root, [Nope()], Options(frozenset({Lane.STATIC}), changed=True))
    assert [path for _, path, _ in places(report)] == ["services/a/committed.py", "services/a/untracked.py"]


def test_ignored_files_and_caches_are_not_looked_at(root: Path, write: Write) -> None:
    write(".gitignore", "generated/\n")
    write("generated/x.py", "class Bad: ...\n")
    assert places(run(root, [Nope()], STATIC)) == []


def test_without_git_every_file_but_caches_is_looked_at(tmp_path: Path) -> None:
    for folder in ("services/a", ".venv/lib", "node_modules", "__pycache__"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "x.py").write_text("class Bad: ...\n")
    assert [path for _, path, _ in places(run(tmp_path, [Nope()], STATIC))] == ["services/a/x.py"]


def test_a_fingerprint_survives_moved_lines_and_not_a_changed_one(root: Path, write: Write) -> None:
    path = write("services/a/x.py", "class Bad: ...\n")
    before = run(root, [Nope()], STATIC).findings[0].fingerprint
    path.write_text("\n\n# a comment\nclass  Bad:  ...\n")
    assert run(root, [Nope()], STATIC).findings[0].fingerprint == before
    path.write_text("class Bad(Base): ...\n")
    assert run(root, [Nope()], STATIC).findings[0].fingerprint != before


def test_routes_of_included_routers_are_seen() -> None:
    from checks.lanes.contract import Contract
    from checks.lanes.pending import Pending

    root = Path(__file__).parents[2]
    lane = Pending("checks.lanes.contract", root, Contract.from_json)
    try:
        contract = lane.result()
    finally:
        lane.close()
    assert not [each.error for each in contract.services.values() if each.error]
    # The application object of FastAPI itself shows next to none of them: this guards against counting those.
    assert sum(len(each.operations) for each in contract.services.values()) > 25


def test_the_whole_run_on_this_repository_finds_nothing() -> None:
    root = Path(__file__).parents[2]
    options = Options(frozenset({Lane.STATIC, Lane.CONTRACT}))
    report = run(root, list(registry.rules().values()), options)
    assert report.incomplete == []
    assert [f"{one.place} {one.code} {one.message}" for one in report.blocking()] == []
    assert not (root / "checks/baseline.txt").exists()


def test_git_that_knows_no_such_base_is_incomplete(root: Path, write: Write) -> None:
    write(
        "services/a/service.py", 'SPEC = ServiceSpec(name="a", port=1, error_codes=range(1, 2), publishes=("a.b",))\n'
    )
    report = run(root, registry.pick(["EVT02"]), Options(frozenset({Lane.STATIC}), base="no-such-branch"))
    assert [code for code, _, _ in report.incomplete] == ["EVT02"]
    assert subprocess.run(["git", "-C", str(root), "status"], check=False, capture_output=True).returncode == 0


def test_a_run_of_one_rule_uses_what_a_whole_run_knows_and_leaves_nothing_that_misleads_the_next(
    root: Path, write: Write
) -> None:
    write("services/a/x.py", "def f() -> None:\n" + "    print()\n" * 60)
    whole = list(registry.rules().values())
    run(root, registry.pick(["DOC01"]), STATIC)
    assert [one.path for one in run(root, whole, STATIC).findings if one.code == "ARC08"] == ["services/a/x.py"]
    assert [one.path for one in run(root, registry.pick(["ARC08"]), STATIC).findings] == ["services/a/x.py"]
    write("services/a/x.py", "def f() -> None:\n" + "    print( )\n" * 60)
    run(root, registry.pick(["DOC01"]), STATIC)
    assert [one.path for one in run(root, whole, STATIC).findings if one.code == "ARC08"] == ["services/a/x.py"]
