"""A registered error code is raised somewhere.

Harm: clients handle failures that cannot happen, and the list of codes stops being believed.
Rule: the name of each code is used outside its own registration, in the service that owns it (the chassis' in any).
Fix: retire the code (`--fix`), or raise it. Its number is never given to another failure.
Escape: `autional: ignore[CON08] reason="…" until=…` on the registration.
"""

from __future__ import annotations

from collections.abc import Iterator

from checks.facts.errors import ErrorCode, ErrorCodes, Names
from checks.model import Edit, Finding, Fix, Tier
from checks.project import Project
from checks.rule import Rule
from checks.sources import service_of


class Con08(Rule):
    """Registered error codes are used."""

    code = "CON08"
    tier = Tier.P2
    title = "a registered error code is raised somewhere"
    aliases = ("check-error-codes",)

    def applies(self, project: Project) -> bool:
        return any(True for _ in project.facts(ErrorCodes, ErrorCode))

    def judge(self, project: Project) -> Iterator[Finding]:
        used: dict[str, set[str]] = {}
        for path, name in project.notes(Names.code):
            used.setdefault(name, set()).add(service_of(path))
        for path, code in project.facts(ErrorCodes, ErrorCode):
            project.examined(self.code)
            users = used.get(code.variable, set())
            if not users or (code.service and code.service not in users):
                yield self.finding(
                    path,
                    code.line,
                    f"{code.variable} is raised nowhere",
                    symbol=code.variable,
                    fix=retirement(project, path, code),
                )


def retirement(project: Project, path: str, code: ErrorCode) -> Fix:
    """Return the fix that retires a code, whole lines; one without a literal number or name is removed."""
    source = project.source(path)
    end = source.offset(code.last_line + 1, 0) if code.last_line < len(source.line_starts) else len(source.data)
    known = code.number is not None and code.name is not None
    line = f'CODES.retire({code.number}, "{code.name}")\n' if known else ""
    return Fix(f"retire {code.variable}", (Edit(path, source.offset(code.line, 0), end, line),))
