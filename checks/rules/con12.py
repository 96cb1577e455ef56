"""A released error number keeps its meaning.

Harm: clients compare numbers for years; one that means something else after an update sends them the wrong way.
Rule: against the base branch, each error number of a service is still registered, or retired, under its name.
Fix: `CODES.retire(number, "NAME")` in place of the registration; a new failure takes a new number.
Escape: none; P0.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from checks.facts.errors import ErrorCode, ErrorCodes, Retired, RetiredCodes, known
from checks.model import Finding, Tier
from checks.project import Project
from checks.rule import Rule

CHASSIS = "services/chassis/errors.py"
CODES = re.compile(r"services/[^/]+/errors\.py")


class Con12(Rule):
    """Error numbers are not given twice over time."""

    code = "CON12"
    tier = Tier.P0
    title = "a released error number keeps its meaning"
    aliases = ("check-error-codes",)

    def applies(self, project: Project) -> bool:
        return any(True for _ in project.facts(ErrorCodes, ErrorCode))

    def judge(self, project: Project) -> Iterator[Finding]:
        today: dict[int | None, tuple[str, int, str | None]] = {}
        for path, gone in project.facts(RetiredCodes, Retired):
            today[gone.number] = (path, gone.line, gone.name)
        for path, code in project.facts(ErrorCodes, ErrorCode):
            today[code.number] = (path, code.line, code.name)
        files = {f"services/{name}/errors.py" for name in project.specs}
        files.add(CHASSIS)
        for path in sorted(files | {path for path in project.base.paths if CODES.fullmatch(path)}):
            released = released_codes(project, path)
            project.examined(self.code, len(released))
            for number, name in released.items():
                if number not in today and path not in files:
                    continue  # the whole service is gone; its numbers stay its own
                if number not in today:
                    message = f'{number} {name} is released and gone: CODES.retire({number}, "{name}")'
                    yield self.finding(path, 1, message, symbol=name)
                elif today[number][2] != name:
                    where, line, other = today[number]
                    yield self.finding(
                        where, line, f"{number} is {name} for those who use it, not {other}", symbol=name
                    )


def released_codes(project: Project, path: str) -> dict[int, str]:
    """Return number → name as the base branch has them; what was no Python then, is no promise."""
    try:
        return known(project.base.read(path) or b"")
    except SyntaxError:
        return {}
