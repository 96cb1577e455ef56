"""Every stack file is valid.

Harm: a stack that is not used every day is broken on the day it is needed.
Rule: each `stacks/*.yaml` loads as `autional up --stack` would load it: known keys and types, known services, `extends`
without a circle.
Fix: the finding has line and suggestion.
Escape: none; P0.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from checks.model import Finding, Tier
from checks.project import Project
from checks.rule import Rule

# What decides how a stack is read, besides the services' own declarations.
READERS = ("services/chassis/spec", "autional_cli/workspace/", "autional_cli/block")


class Doc04(Rule):
    """Stack files load."""

    code = "DOC04"
    tier = Tier.P0
    title = "stack YAML valid"

    def applies(self, project: Project) -> bool:
        return any(path.startswith("stacks/") for path in project.files)

    def judge(self, project: Project) -> Iterator[Finding]:
        stacks = [path for path in project.files if path.startswith("stacks/") and path.endswith((".yaml", ".yml"))]
        services = [path for path in project.files if path.endswith("/service.py") or path.startswith(READERS)]
        project.examined(self.code, len(stacks))
        for path, message in project.memo(self.code, [*stacks, *services], lambda: problems(project, stacks)):
            yield self.placed(message, path)

    def placed(self, message: str, path: str) -> Finding:
        """Return a finding at the place that a message begins with."""
        found = re.match(r"(?P<path>[^\s:]+):(?P<line>\d+)(:\d+)?: (?P<text>.*)", message, re.DOTALL)
        if found:
            return self.finding(found["path"], int(found["line"]), found["text"])
        return self.finding(path, 0, message)


def problems(project: Project, stacks: list[str]) -> list[tuple[str, str]]:
    """Return path and message of each stack that does not load."""
    from autional_cli.errors import AutionalError
    from autional_cli.workspace.discover import discover
    from autional_cli.workspace.load import load_stack

    try:
        specs = discover(project.root)
    except AutionalError as failure:
        return [("stacks/", failure.message)]
    found = []
    for path in stacks:
        try:
            load_stack(project.root, path.removeprefix("stacks/").rpartition(".")[0], specs)
        except AutionalError as failure:
            found.append((path, failure.message))
    return found
