"""Edits of files that people wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from autional_cli.errors import AutionalError
from autional_cli.scaffold.edits import with_consumed, with_service, without_reservation
from autional_cli.scaffold.stamp import stamped
from autional_cli.workspace.discover import discover
from autional_cli.workspace.load import load_stack
from checks.architecture import MARK, current, restamped
from tests.scaffold.workspaces import plan, scaffold

HEAD = "version: 1\n# a comment\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("services:\n  a: {}  # why\n", "services:\n  a: {}  # why\n  new: {}\n"),
        ("services:\n    a:\n\nresources: {}\n", "services:\n    a:\n    new: {}\n\nresources: {}\n"),
        (
            "services:\n  a:\n    replicas: 2\n    env:\n      X: y\n\n# below\nresources: {}\n",
            "services:\n  a:\n    replicas: 2\n    env:\n      X: y\n  new: {}\n\n# below\nresources: {}\n",
        ),
        (
            "services:\n  a:\n    needs:\n      - b\n  # last words\n",
            "services:\n  a:\n    needs:\n      - b\n  new: {}\n  # last words\n",
        ),
        ("services:\n  a: {}", "services:\n  a: {}\n  new: {}\n"),
        ("services: {}\n", "services:\n  new: {}\n"),
        ("services:\n", "services:\n  new: {}\n"),
        ("extends: x\n", "extends: x\nservices:\n  new: {}\n"),
    ],
)  # fmt: skip
def test_a_stack_gets_one_line_and_keeps_the_rest(before: str, after: str) -> None:
    assert with_service(HEAD + before, "new", "stacks/x.yaml") == HEAD + after


def test_a_stack_in_flow_style_is_left_to_its_author() -> None:
    with pytest.raises(AutionalError, match=r"stacks/x.yaml:1: .*not written as a block"):
        with_service("services: {a: {}}\n", "new", "stacks/x.yaml")


def test_audit_consumes_the_new_events_after_those_it_knows() -> None:
    text = 'SPEC = S(\n    consumes=(\n        "a.b",  # why\n    ),\n)\n'
    assert with_consumed(text, ("x.y", "x.z")) == text.replace("why\n", 'why\n        "x.y",\n        "x.z",\n')
    assert (
        with_consumed('SPEC = S(consumes=("a.b", "c.d"))\n', ("x.y",)) == 'SPEC = S(consumes=("a.b", "c.d", "x.y"))\n'
    )
    with pytest.raises(AutionalError, match="no `consumes`"):
        with_consumed("SPEC = S()\n", ("x.y",))


def test_edits_add_lines_and_change_none(workspace: Path) -> None:
    planned = scaffold(workspace, "loyalty", publishes=("loyalty.earned",))
    edited = {change.path: change for change in planned if change.before is not None}
    assert set(edited) == {"stacks/full.yaml", "AGENTS.md", "services/audit/service.py"}
    for change in edited.values():
        lines = [line for line in change.diff().splitlines()[2:] if not MARK.search(line)]
        assert [line for line in lines if line.startswith("-")] == [], change.path
        assert [line for line in lines if line.startswith("+") and "loyalty" not in line] == [], change.path
    known = discover(workspace)
    assert "loyalty" in load_stack(workspace, "full", known).services
    assert known["audit"].consumes[-1] == "loyalty.earned"


def test_a_planned_service_takes_its_row_and_gives_back_its_reservation(workspace: Path) -> None:
    text = (workspace / "AGENTS.md").read_text()
    scaffold(workspace, "tenant", database="none")
    after = (workspace / "AGENTS.md").read_text()
    assert "tenant 11003/1400" in text
    assert "tenant 11003/1400" not in after
    rows = [
        line.split(" | ")[0].strip("| ") for line in after.splitlines() if line.startswith("| ") and " | 11" in line
    ]
    assert rows.index("tenant") == rows.index("profile") + 1


def test_a_reservation_goes_with_its_comma_and_leaves_the_lines_as_they_are() -> None:
    text = "   come: tenant 11003/1400, oauth 11006/1700,\n   wallet 11007/1800, rbac 11015/2600.\n"
    for name in ("tenant", "oauth", "wallet", "rbac"):
        text = without_reservation(text, name)
        assert name not in text
        assert ",," not in text
        assert ",." not in text
        assert text.count("\n") == 2


def digest_in(workspace: Path) -> str:
    found = MARK.search((workspace / "AGENTS.md").read_text())
    assert found is not None
    return found[1]


def test_the_digest_of_a_map_that_was_true_is_brought_along(workspace: Path) -> None:
    path = workspace / "AGENTS.md"
    path.write_text(restamped(path.read_text(), current(workspace)))
    before = digest_in(workspace)
    scaffold(workspace, "loyalty", publishes=("loyalty.earned",))
    assert digest_in(workspace) == current(workspace) != before


def test_the_digest_of_a_map_that_was_out_of_date_stays_to_be_seen(workspace: Path) -> None:
    path = workspace / "AGENTS.md"
    path.write_text(restamped(path.read_text(), "0" * 16))
    planned = plan(workspace, "loyalty")
    assert stamped(workspace, planned) == planned
    scaffold(workspace, "loyalty")
    assert digest_in(workspace) == "0" * 16
