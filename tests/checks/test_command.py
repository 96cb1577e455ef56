"""`autional check` as a process: options, exit codes, and what a person reads."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.checks.conftest import Write
from tests.checks.test_baseline import command
from tests.checks.workspace import git


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--rule", "CON99"), "no rule is called 'CON99'; did you mean CON0"),
        (("--lane", "dynamic"), "there is no lane 'dynamic'"),
        (("--format", "yaml", "--rule", "ARC08"), "there is no format 'yaml'"),
        (("nowhere.py", "--rule", "ARC08"), "nowhere.py is not in"),
        (("--explain", "XYZ01"), "no rule is called 'XYZ01'"),
        (("--rule", "EVT02", "--base=--output=x"), "is no name of a branch"),
    ],
)
def test_a_wrong_option_is_refused_with_a_hint(root: Path, arguments: tuple[str, ...], said: str) -> None:
    done = command(root, *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "  next: " in done.stderr


def test_settings_that_are_wrong_are_named(root: Path, write: Write) -> None:
    write("pyproject.toml", "[tool.autional.check]\np2_budgets = 3\n")
    done = command(root, "--rule", "ARC08")
    assert done.returncode == 3
    assert "has no key 'p2_budgets'" in done.stderr


def test_explain_and_list_tell_what_a_rule_wants(root: Path) -> None:
    explained = command(root, "--explain", "DAT06")
    assert explained.returncode == 0
    assert all(word in explained.stdout for word in ("DAT06 P0", "Harm:", "Rule:", "Fix:", "Escape:", "squawk"))
    listed = command(root, "--list").stdout.splitlines()
    assert len(listed) > 60
    assert any(line.startswith("CON11  P0    live") for line in listed)


def test_p2_findings_fail_only_beyond_their_budget(root: Path, write: Write) -> None:
    write("pyproject.toml", "[tool.autional.check]\np2_budget = 2\n")
    write("services/a/x.py", "# TODO: one\n# TODO: two\n")
    assert command(root, "--rule", "DEB01").returncode == 0
    write("services/a/x.py", "# TODO: one\n# TODO: two\n# TODO: three\n")
    assert command(root, "--rule", "DEB01").returncode == 1


def test_fix_applies_what_is_safe_and_looks_again(root: Path, write: Write) -> None:
    path = write("docs/a.md", b"\xef\xbb\xbfhello\n")
    done = command(root, "--rule", "DOC01", "--fix")
    assert done.returncode == 0
    assert "fixed docs/a.md:1: remove the byte order mark" in done.stderr
    assert path.read_bytes() == b"hello\n"


def test_debt_lists_what_is_owed_with_owner_age_and_trend(root: Path, write: Write) -> None:
    write("services/a/old.py", "# TODO(P1, ada, 2026-01-01): an old one\n")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "old")
    git(root, "checkout", "-q", "-b", "work")
    held = '# autional: ignore[RUN07] reason="held" until=2027-01-01\n'
    write(
        "services/a/x.py", f"import datetime\n\n{held}NOW = datetime.datetime.now()\n# TODO(P2, bo, 2026-11-01): new\n"
    )
    document = json.loads(command(root, "--debt", "--rule", "DEB", "--rule", "RUN07", "--format", "json").stdout)
    assert [(item["tier"], item["kind"], item["owner"]) for item in document["items"]] == [
        ("P1", "todo", "ada"),
        ("P2", "todo", "bo"),
        ("P2", "suppression", ""),
    ]
    assert document["items"][0]["age_days"] > 300
    assert document["trend"] == {"markers": 3, "markers_at_base": 1}


def test_debt_that_is_p0_blocks(root: Path, write: Write) -> None:
    write("services/a/x.py", "# TODO(P0, ada, 2026-01-01): mend the hole\n")
    assert command(root, "--debt", "--rule", "DEB01").returncode == 1


def test_changed_needs_no_database_and_no_services(root: Path, write: Write) -> None:
    write("services/a/x.py", "import datetime\n\nNOW = datetime.datetime.now()\n")
    done = command(root, "--changed", "--rule", "RUN07")
    assert done.returncode == 1
    assert "services/a/x.py" in done.stdout
