"""No import cycles.

Harm: modules in a cycle are one module in several files; which is imported first decides whether it works.
Rule: imports at module level, those for types alone left out, form no cycle in services, autional_cli or checks.
Fix: move what both need into a third module. An import inside a function breaks a cycle at run time, and is allowed.
Escape: `autional: ignore[ARC04] reason="…" until=…` on the import.
"""

from __future__ import annotations

from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

from checks.model import Finding, Tier
from checks.project import Project
from checks.resolution import module_of
from checks.rule import Rule

MOST = 20  # cycles that are reported; more say nothing new


class Arc04(Rule):
    """Modules import each other in one direction; a folder without `__init__.py` holds modules too."""

    code = "ARC04"
    tier = Tier.P1
    title = "no import cycles"

    def applies(self, project: Project) -> bool:
        return any(path.startswith(tuple(f"{name}/" for name in project.config.packages)) for path in project.files)

    def judge(self, project: Project) -> Iterator[Finding]:
        edges = eager_edges(project)
        project.examined(self.code, sum(len(imported) for imported in edges.values()))
        for _ in range(MOST):
            try:
                TopologicalSorter({name: set(imported) for name, imported in edges.items()}).prepare()
            except CycleError as found:
                # graphlib lists each module before the one that imports it.
                cycle: list[str] = found.args[1][::-1]
                importer, imported = min(pairwise(cycle))
                path, line = edges[importer].pop(imported)
                yield self.finding(path, line, f"imports go in a circle: {' → '.join(cycle)}", symbol=importer)
            else:
                return


def eager_edges(project: Project) -> dict[str, dict[str, tuple[str, int]]]:
    """Return which module imports which when it is loaded, and where."""
    modules = {module_of(path) for path in project.files if path.endswith(".py")}
    edges: dict[str, dict[str, tuple[str, int]]] = {}
    for path, each in project.imports:
        if each.lazy or each.typing_only or path.partition("/")[0] not in project.config.packages:
            continue
        importer = module_of(path)
        inner = f"{each.module}.{each.name}"
        imported = inner if inner in modules else each.module
        if imported in modules and imported.partition(".")[0] in project.config.packages and imported != importer:
            edges.setdefault(importer, {}).setdefault(imported, (path, each.line))
    return edges
