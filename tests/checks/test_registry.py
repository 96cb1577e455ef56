"""The registry: every rule, or none."""

from __future__ import annotations

from pathlib import Path

import pytest

from checks import registry
from checks.registry import RegistryError, load


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("import nowhere\n", "cannot be imported"),
        ('"""D."""\n', "holds 0 rules"),
        ('"""D."""\nfrom checks.rule import Rule\nclass A(Rule): code = "X"\nclass B(Rule): code = "Y"\n', "holds 2"),
        ('"""D."""\nfrom checks.rule import Rule\nclass A(Rule): code = "OTHER"\n', "named after its rule"),
        ('from checks.rule import Rule\nclass A(Rule): code = "TST77"\n', "no docstring"),
    ],
)
def test_a_rule_that_cannot_be_loaded_stops_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, why: str
) -> None:
    name = f"rules_{abs(hash(text))}"
    (tmp_path / name).mkdir()
    (tmp_path / name / "tst77.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(RegistryError, match=why):
        load(tmp_path / name, name)


def test_rules_are_found_by_code_family_and_alias_and_unknown_ones_get_a_suggestion() -> None:
    assert [rule.code for rule in registry.pick(["check-error-codes"])] == ["CON06", "CON07", "CON08", "CON12"]
    assert {rule.code[:3] for rule in registry.pick(["sec"])} == {"SEC"}
    with pytest.raises(RegistryError, match="did you mean SEC0"):
        registry.pick(["SEC00"])


def test_the_seven_checks_of_old_keep_their_names() -> None:
    aliases = {alias for rule in registry.rules().values() for alias in rule.aliases}
    assert aliases == {
        "check-dto-compliance",
        "check-factory-types",
        "check-error-codes",
        "check-encoding",
        "check-db-schema",
        "check-agents-md",
        "check-debt",
    }
