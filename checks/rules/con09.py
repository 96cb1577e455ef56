"""The committed OpenAPI document is the one that the code makes.

Harm: reviewers, client generators and the comparison with the base branch read a document that is not true.
Rule: `services/<name>/openapi.json` is the canonical form of what the service would serve.
Fix: `--fix` writes it.
Escape: none needed.
"""

from __future__ import annotations

from collections.abc import Iterator

from checks.model import Edit, Finding, Fix, Lane, Tier
from checks.openapi import canonical, operations
from checks.project import Project
from checks.rule import Rule


class Con09(Rule):
    """Documents in the repository are fresh."""

    code = "CON09"
    tier = Tier.P1
    title = "committed OpenAPI document fresh"
    lane = Lane.CONTRACT

    def judge(self, project: Project) -> Iterator[Finding]:
        for name, contract in project.contract.services.items():
            project.examined(self.code)
            if contract.error or not any(True for _ in operations(contract.openapi)):
                continue
            path, wanted = f"services/{name}/openapi.json", canonical(contract.openapi)
            present = project.source(path).data if path in project.files else b""
            if present.decode("utf-8", "replace") != wanted:
                what = "is not what the code makes" if present else "is missing"
                fix = Fix(f"write {path}", (Edit(path, 0, len(present), wanted),))
                yield self.finding(path if present else f"services/{name}/service.py", 0, f"{path} {what}", fix=fix)
