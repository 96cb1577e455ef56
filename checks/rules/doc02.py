"""AGENTS.md follows the architecture.

Harm: a map that is wrong sends people the wrong way, and after that nobody reads it.
Rule: AGENTS.md carries the digest of the declared architecture (services with port, database, error range, calls and
events; all routes), and its table of services has a row with name, port and first error code for each.
Fix: read what the change means for AGENTS.md, write it, then put in the digest that the finding names.
Escape: none; P0.
"""

from __future__ import annotations

from collections.abc import Iterator

from checks.architecture import MARK, digest
from checks.facts.routes import Route, Routes
from checks.facts.specs import Spec
from checks.model import Finding, Tier
from checks.project import Project
from checks.rule import Rule

PLACE = "AGENTS.md"


class Doc02(Rule):
    """The map is up to date."""

    code = "DOC02"
    tier = Tier.P0
    title = "AGENTS.md follows the architecture"
    aliases = ("check-agents-md",)

    def applies(self, project: Project) -> bool:
        return bool(project.specs)

    def judge(self, project: Project) -> Iterator[Finding]:
        project.examined(self.code, len(project.specs))
        if PLACE not in project.files:
            yield self.finding("pyproject.toml", 0, "there is no AGENTS.md")
            return
        now = digest(project.specs.values(), [route for _, route in project.facts(Routes, Route)])
        lines = project.source(PLACE).lines
        marks = [(number, found[1]) for number, text in enumerate(lines, 1) if (found := MARK.search(text))]
        if not marks:
            yield self.finding(PLACE, 1, f"carries no digest; once it is true, add <!-- architecture: {now} -->")
        for number, written in marks:
            if written != now:
                message = "the architecture has changed since this was written: bring it up to date, then write "
                yield self.finding(PLACE, number, f"{message}<!-- architecture: {now} -->", symbol="digest")
        rows = [[cell.strip(" `") for cell in line.split("|")] for line in lines if line.startswith("|")]
        for spec in project.specs.values():
            problem = row_problem(spec, rows)
            if problem:
                yield self.finding(PLACE, 0, problem, symbol=spec.service)


def row_problem(spec: Spec, rows: list[list[str]]) -> str:
    """Return what is wrong with a service's row in the table, empty if nothing is."""
    row = next((cells for cells in rows if len(cells) > 2 and cells[1] == spec.service), None)
    if row is None:
        return f"the table of services has no row for {spec.service}"
    if str(spec.port) not in row:
        return f"the row of {spec.service} does not say port {spec.port}"
    if spec.error_codes and not any(cell.startswith(str(spec.error_codes[0])) for cell in row):
        return f"the row of {spec.service} does not say that its error codes begin at {spec.error_codes[0]}"
    return ""
