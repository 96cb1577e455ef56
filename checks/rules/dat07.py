"""Every model is in the service's metadata.

Harm: a table that no migration and no comparison knows, because nobody imported its module.
Rule: a class with `__tablename__` stands in `models.py`, or in a module that `models.py` imports, and has a
Base.
Fix: move it there, or import it there.
Escape: none; P0.
"""

from __future__ import annotations

from collections.abc import Iterator

from checks.facts.imports import Import, Imports
from checks.facts.tables import Table, Tables
from checks.model import Finding, Tier
from checks.project import Project
from checks.rule import Rule


class Dat07(Rule):
    """Every model is in the service's metadata."""

    code = "DAT07"
    tier = Tier.P0
    title = "every model is in the service's metadata"

    def applies(self, project: Project) -> bool:
        return bool(project.facts(Tables, Table))

    def judge(self, project: Project) -> Iterator[Finding]:
        imported: dict[str, set[str]] = {}
        for path, each in project.facts(Imports, Import):
            if path.endswith("/models.py"):
                imported.setdefault(path, set()).update((each.module, f"{each.module}.{each.name}"))
        for path, one in project.facts(Tables, Table):
            project.examined(self.code)
            models = f"services/{one.service}/models.py"
            module = path.removesuffix(".py").replace("/", ".")
            if path != models and module not in imported.get(models, set()):
                message = f"{one.model} is not in the metadata: {models} does not import {module}"
                yield self.finding(path, one.line, message, symbol=one.model)
            elif not one.bases:
                yield self.finding(path, one.line, f"{one.model} builds on no Base", symbol=one.model)
