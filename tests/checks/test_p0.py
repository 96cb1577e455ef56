"""What is P0 blocks: nothing that a workspace can say lets it through."""

from __future__ import annotations

from pathlib import Path

import pytest

from checks import registry
from checks.baseline import PLACE, Baseline
from checks.config import ConfigError
from checks.engine import Options, Report, run
from checks.model import Lane, Tier
from tests.checks.conftest import Write
from tests.checks.workspace import git, look

HELD = 'reason="x" until=2027-01-01'
SLEEP = "import time\n\n\nasync def f() -> None:\n    time.sleep(1){}\n"


def codes(report: Report) -> set[str]:
    return {one.code for one in report.findings}


@pytest.mark.parametrize(
    "comment",
    [
        f"  # autional: ignore[RUN01] {HELD}",
        f"  # autional: ignore[run01] {HELD}",
        f"  # autional: ignore[RUN03,RUN01] {HELD}",
        "  # noqa",
        "  # noqa: ASYNC251",
        "\n# ruff: noqa\n# flake8: noqa",
        "\n# ruff: noqa: ASYNC251",
    ],
)
def test_no_comment_lets_a_p0_finding_through(root: Path, write: Write, comment: str) -> None:
    write("services/a/x.py", SLEEP.format(comment))
    report = look(root, ["RUN01", "DEB02"])
    assert codes(report) == ({"RUN01", "DEB02"} if "autional" in comment else {"RUN01"})
    assert report.suppressed == []


def test_the_other_rules_of_one_suppression_hold(root: Path, write: Write) -> None:
    line = f"    time.sleep(datetime.datetime.now().second)  # autional: ignore[RUN07,RUN01] {HELD}\n"
    write("services/a/x.py", f"import datetime\nimport time\n\n\nasync def f() -> None:\n{line}")
    report = look(root, ["RUN01", "RUN07", "DEB02", "DEB03"])
    assert codes(report) == {"RUN01", "DEB02"}
    assert {one.code for one in report.suppressed} == {"RUN07"}


@pytest.mark.parametrize("comment", ["# noqa: DTZ005", "# noqa", "# noqa: S608, DTZ005 - a clock of the test"])
def test_a_comment_to_ruff_lets_p1_through(root: Path, write: Write, comment: str) -> None:
    write("services/a/x.py", f"import datetime\n\nNOW = datetime.datetime.now()  {comment}\n")
    assert codes(look(root, ["RUN07"])) == set()
    write("services/a/x.py", "import datetime\n\nNOW = datetime.datetime.now()  # noqa: DTZ001\n")
    assert codes(look(root, ["RUN07"])) == {"RUN07"}


def test_a_baseline_accepts_no_p0_listed_by_git_or_not(root: Path, write: Write) -> None:
    write("services/a/x.py", SLEEP.format(""))
    (finding,) = look(root, ["RUN01"]).findings
    Baseline().grown([finding], "we like it").save(root)
    for ignored in ("", f"{PLACE}\n"):
        write(".gitignore", ignored)
        report = look(root, ["RUN01", "DEB05"])
        assert codes(report) == {"RUN01", "DEB05"}
        assert report.baselined == []


@pytest.mark.parametrize(
    "setting",
    ['exclude = [""]', 'exclude = ["services"]', 'exclude = ["services/a/"]', 'exclude = ["s"]', "packages = []"],
)
def test_no_setting_keeps_p0_from_code_that_runs(root: Path, write: Write, setting: str) -> None:
    write("pyproject.toml", f"[tool.autional.check]\n{setting}\n")
    write("services/b/__init__.py", "")
    write("services/b/store.py", "B = 1\n")
    write("services/a/__init__.py", "")
    write(
        "services/a/x.py", "import datetime\n\nfrom services.b import store\n\nNOW = datetime.datetime.now(), store\n"
    )
    report = look(root, ["ARC01", "RUN07"])
    assert codes(report) == ({"ARC01"} if "exclude" in setting else {"ARC01", "RUN07"})


@pytest.mark.parametrize("base", ["HEAD", "HEAD~0", "@", "-x", "main^", "a b"])
def test_the_base_that_a_workspace_names_is_a_branch(root: Path, write: Write, base: str) -> None:
    write("pyproject.toml", f'[tool.autional.check]\nbase = "{base}"\n')
    with pytest.raises(ConfigError, match="base must be a branch"):
        run(root, registry.pick(["DAT08"]), Options(frozenset({Lane.STATIC})))


def test_no_rule_that_is_p0_describes_a_way_to_suppress_it() -> None:
    for code, rule in registry.rules().items():
        if rule.tier is Tier.P0:
            escape = registry.explain(code).partition("Escape:")[2]
            assert "ignore[" not in escape, code
            assert "noqa" not in escape, code


def test_a_rule_that_could_not_look_does_not_call_its_suppression_idle(root: Path, write: Write) -> None:
    write("services/a/service.py", 'SPEC = ServiceSpec(name="a", port=1, error_codes=range(1, 2))\n')
    write("services/a/x.py", f"A = 1  # autional: ignore[CON04] {HELD}\n")
    git(root, "branch", "-m", "main", "trunk")
    document = {"services": [{"service": "a", "openapi": {"paths": {}}, "operations": []}]}
    report = look(root, ["CON04", "DEB03"], {"contract": document})
    assert ("CON04" in {code for code, _, _ in report.incomplete}) != ("DEB03" in codes(report))
