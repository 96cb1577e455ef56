"""What is imported is declared.

Harm: a package that is there only because another needs it goes away with that other's next release.
Rule: every third-party import of services, autional_cli, checks and migrations is a dependency in pyproject.toml
[deptry DEP001, DEP003].
Fix: declare it, with the reason beside it, or do without it.
Escape: `[tool.deptry]` in pyproject.toml.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

from checks.cache import digest
from checks.facts import FileView
from checks.model import Finding, Tier
from checks.project import Project
from checks.rule import Rule
from checks.sources import Source
from checks.tools import deptry
from checks.tools.deptry import Issue

UNUSUAL = (b"import_module", b"__import__", b"deptry")  # imports by name, and comments that speak to deptry


class Arc07(Rule):
    """Imports are declared; deptry looks."""

    code = "ARC07"
    tier = Tier.P1
    title = "imports are declared dependencies"
    needs = ("deptry",)

    def applies(self, project: Project) -> bool:
        return "pyproject.toml" in project.files

    def examine(self, source: Source, view: FileView) -> None:
        """Note a file in which not only its imports matter."""
        if any(word in source.data for word in UNUSUAL):
            view.note(digest(source.data))

    def judge(self, project: Project) -> Iterator[Finding]:
        unusual = sorted(project.notes(self.code))
        tables = [path for path in project.files if "/" not in path and path.endswith((".toml", ".txt", ".cfg"))]
        key = f"{project.imports_digest} {digest(repr(unusual).encode())} {deptry.surroundings(project.root)}"
        found = project.memo("deptry", tables, lambda: [asdict(one) for one in project.result("deptry")], also=key)
        issues = [Issue(**each) for each in found]
        project.examined(self.code, sum(1 for path in project.files if path.endswith(".py")))
        for one in issues:
            why = "is not installed" if one.code == "DEP001" else "is there only because another package needs it"
            yield self.finding(one.path, one.line, f"{one.module} is not declared and {why}", symbol=one.module)
