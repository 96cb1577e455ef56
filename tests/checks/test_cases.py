"""Every rule finds what it must, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from checks import registry
from tests.checks.workspace import CASES, Case, build, cases, check

# CHK00 is judged by the engine (test_engine.py); DAT05 needs a server (tests/platform/test_check.py).
ELSEWHERE = {"CHK00", "DAT05"}


@pytest.mark.parametrize("case", cases(), ids=str)
def test_case(case: Case, tmp_path: Path) -> None:
    root = tmp_path / "workspace"
    wanted = build(case, root)
    report = check(case, root)
    assert report.incomplete == []
    found = {(one.path, one.line) for one in report.findings if one.code == case.code}
    assert found == wanted, "\n".join(f"{one.place} {one.message}" for one in report.findings)
    assert bool(wanted) == (case.kind == "invalid")


@pytest.mark.parametrize("code", sorted(set(registry.rules()) - ELSEWHERE))
def test_every_rule_has_valid_and_invalid_cases_and_a_near_miss(code: str) -> None:
    kinds = {folder.name.partition("-")[0] for folder in (CASES / code.lower()).glob("*")}
    assert kinds == {"valid", "invalid", "near"}


@pytest.mark.parametrize("code", sorted(registry.rules()))
def test_every_rule_explains_harm_rule_fix_and_escape(code: str) -> None:
    text = registry.explain(code)
    assert all(f"\n{word}:" in text for word in ("Harm", "Rule", "Fix", "Escape")), text


def test_no_case_belongs_to_a_rule_that_there_is_not() -> None:
    assert {folder.name.upper() for folder in CASES.iterdir() if folder.is_dir()} <= set(registry.rules())
