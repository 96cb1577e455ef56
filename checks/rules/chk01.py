"""Every file can be examined.

Harm: a file that cannot be read or parsed is a file that no rule sees.
Rule: no unreadable file, link in a circle, file over 2 MB, or Python that does not parse.
Fix: mend the file; generated data does not belong beside code.
Escape: none; P0. Broken on purpose, or generated, and not run: `exclude` in `[tool.autional.check]` of pyproject.toml.
"""

from __future__ import annotations

from collections.abc import Iterator

from checks.model import Finding, Tier
from checks.project import Project
from checks.rule import Rule


class Chk01(Rule):
    """Files can be read and parsed."""

    code = "CHK01"
    tier = Tier.P0
    title = "every file can be examined"

    def judge(self, project: Project) -> Iterator[Finding]:
        for path, record in project.files.items():
            project.examined(self.code)
            if record.problem:
                head, _, rest = record.problem.partition(": ")
                line = int(head[5:]) if head.startswith("line ") and head[5:].isdigit() else 0
                yield self.finding(path, line, rest if line else record.problem)
