"""What is imported is declared.

Harm: a package that is there only because another needs it goes away with that other's next release.
Rule: every third-party import of services, autional_cli, checks and migrations is a dependency in pyproject.toml
[deptry DEP001, DEP003].
Fix: declare it, with the reason beside it, or do without it.
Escape: `[tool.deptry]` in pyproject.toml.
"""

from __future__ import annotations

from collections.abc import Iterator

from checks.model import Finding, Tier
from checks.project import Project
from checks.rule import Rule
from checks.tools.deptry import Issue


class Arc07(Rule):
    """Imports are declared; deptry looks."""

    code = "ARC07"
    tier = Tier.P1
    title = "imports are declared dependencies"
    needs = ("deptry",)

    def applies(self, project: Project) -> bool:
        return "pyproject.toml" in project.files

    def judge(self, project: Project) -> Iterator[Finding]:
        issues: list[Issue] = project.result("deptry")
        project.examined(self.code, sum(1 for path in project.files if path.endswith(".py")))
        for one in issues:
            why = "is not installed" if one.code == "DEP001" else "is there only because another package needs it"
            yield self.finding(one.path, one.line, f"{one.module} is not declared and {why}", symbol=one.module)
